#!/bin/sh
# A CGI program that reads a form: the field `name` of a POST, decoded and escaped by awk.

name=
if [ "$REQUEST_METHOD" = POST ] && [ "${CONTENT_LENGTH:-0}" -le 10000 ]; then
    name=$(head -c "${CONTENT_LENGTH:-0}" | LC_ALL=C awk '
        function value(digit) { return index("0123456789abcdef", tolower(digit)) - 1 }
        BEGIN { RS = "&" }
        sub(/^name=/, "") {
            gsub(/\+/, " ")
            while (match($0, /%[0-9A-Fa-f][0-9A-Fa-f]/)) {
                code = value(substr($0, RSTART + 1, 1)) * 16 + value(substr($0, RSTART + 2, 1))
                text = text substr($0, 1, RSTART - 1) (code < 32 ? " " : sprintf("%c", code))
                $0 = substr($0, RSTART + 3)
            }
            text = text $0
            gsub(/&/, "\\&amp;", text)
            gsub(/</, "\\&lt;", text)
            gsub(/>/, "\\&gt;", text)
            printf "%s", text
            exit
        }')
fi

cat <<PAGE
Content-Type: text/html; charset=utf-8
Cache-Control: no-store

<!DOCTYPE html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Greetings</title>
<link rel="stylesheet" href="/style.css">
<main>
<h1>Hello, ${name:-whoever you are}.</h1>
<form method="post">
<label>Your name <input name="name" required maxlength="100" autocomplete="given-name"></label>
<button>Greet me</button>
</form>
<p><a href="/">Back</a></p>
</main>
</html>
PAGE

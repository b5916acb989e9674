#!/bin/sh
# A CGI program (RFC 3875): counts the visits of this browser in a cookie, and shows what the server
# says about the request.

count=$(printf '%s' "$HTTP_COOKIE" | sed -n 's/.*visits=\([1-9][0-9]\{0,5\}\).*/\1/p')
count=$((${count:-0} + 1))

# What a client has sent is text, never markup.
escaped() { printf '%s' "$1" | sed 's/&/\&amp;/g; s/</\&lt;/g; s/>/\&gt;/g; s/"/\&quot;/g'; }

cat <<HEAD
Content-Type: text/html; charset=utf-8
Cache-Control: no-store
Set-Cookie: visits=$count; Path=$SCRIPT_NAME; HttpOnly; SameSite=Lax

<!DOCTYPE html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Visit $count</title>
<link rel="stylesheet" href="/style.css">
<main>
<h1>Visit $count</h1>
<p class="lead">A shell script wrote this page. It began when you asked, and it has ended by now.</p>
<table>
HEAD
for name in REQUEST_METHOD SCRIPT_NAME PATH_INFO QUERY_STRING SERVER_PROTOCOL SERVER_SOFTWARE \
    SERVER_NAME SERVER_PORT REMOTE_ADDR HTTP_USER_AGENT HTTP_ACCEPT_LANGUAGE; do
    eval "value=\$$name"
    printf '<tr><th>%s<td>%s\n' "$name" "$(escaped "$value")"
done
printf '</table>\n<p><a href="/">Back</a></p>\n</main>\n</html>\n'

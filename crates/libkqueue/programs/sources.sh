# Sourced by the programs' scripts: source packages of the Debian this machine runs, fetched with
# a configuration of apt-get's own under $WORK/apt. The machine's configuration is read, never
# written: neither deb-src lines nor root are needed.

# tool COMMAND PACKAGE: whether the command is there, after an attempt to install it.
tool() {
    command -v "$1" >/dev/null && return
    install_packages "$2" && command -v "$1" >/dev/null && return
    echo "$1 is needed: install Debian's $2"
    return 1
}

# header PACKAGE FILE: the same for a file that a development package brings.
header() {
    [ -e "$2" ] || install_packages "$1" && [ -e "$2" ] && return
    echo "$2 is needed: install Debian's $1"
    return 1
}

install_packages() {
    command -v apt-get >/dev/null && [ "$(id -u)" = 0 ] || return 1
    if ! [ "$WORK/updated" -nt /var/lib/dpkg/status ]; then
        apt-get update -qq || return 1
        touch "$WORK/updated"
    fi
    DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends "$@" >/dev/null
}

# fetch PACKAGE: unpacks the newest source there is, once; `source_directory` says where.
# A mirror may list a version it no longer has: then the one before is taken.
fetch() {
    local package=$1 into=$WORK/src/$1 version
    [ -e "$into/unpacked" ] && return
    command -v apt-get >/dev/null || { echo "source packages need Debian's apt-get"; return 1; }
    tool dpkg-source dpkg-dev && tool patch patch && own_apt || return
    rm -rf "$into"
    mkdir -p "$into"
    for version in $(versions "$package"); do
        if (cd "$into" && apt-get source -qq --only-source "$package=$version") >"$into/log" 2>&1
        then
            echo "$version" >"$into/unpacked"
            return
        fi
    done
    cat "$into/log" 2>/dev/null || true
    echo "the source package $package could not be fetched"
    return 1
}

source_directory() { echo "$WORK/src/$1"/*/; }
source_version() { cat "$WORK/src/$1/unpacked"; }

versions() {
    apt-cache showsrc --only-source "$1" 2>/dev/null | sed -n 's/^Version: //p' | sort -ruV
}

# A configuration for this process and its children; its package lists are renewed once a day.
own_apt() {
    local apt=$WORK/apt
    mkdir -p "$apt/lists/partial" "$apt/cache/archives/partial"
    source_lists "$apt/here.sources" "$apt/here.list"
    [ -s "$apt/here.sources" ] || [ -s "$apt/here.list" ] ||
        { echo "apt's configuration names no archive of this release"; return 1; }
    cat >"$apt/apt.conf" <<CONF
Dir::State::lists "$apt/lists";
Dir::Cache "$apt/cache";
Dir::Etc::sourcelist "/dev/null";
Dir::Etc::sourceparts "$apt";
APT::Sandbox::User "root";
CONF
    export APT_CONFIG=$apt/apt.conf
    [ -n "$(find "$apt/updated" -mtime -1 2>/dev/null)" ] && return
    # One archive that does not answer must not keep the others from being used.
    apt-get update -qq 2>"$apt/complaints" || cat "$apt/complaints"
    touch "$apt/updated"
}

# source_lists SOURCES LIST: of every archive of this release that is configured, its deb-src twin.
source_lists() {
    local release
    release=$(. /etc/os-release && echo "${VERSION_CODENAME:-unstable}")
    release="($release|stable|testing|unstable|sid)"
    cat /etc/apt/sources.list.d/*.sources 2>/dev/null |
        awk -v RS= -v ORS='\n\n' -v suites="\nSuites:([^\n]* )?$release([ -/\n]|$)" '
            ("\n" $0) ~ /\nTypes:[^\n]* deb/ && ("\n" $0) ~ suites && !/\nEnabled: *no/ {
                sub(/Types:[^\n]*/, "Types: deb-src")
                print
            }' >"$1"
    cat /etc/apt/sources.list /etc/apt/sources.list.d/*.list 2>/dev/null |
        sed -n 's/^deb /deb-src /p' | grep -E "(/| )$release[ /-]" >"$2" || true
}

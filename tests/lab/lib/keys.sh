# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
#
# keys.sh: who may talk to whom: certificates for TLS, a user for SASL.

# One key and certificate for each host, good as server and as client, under the names that
# libvirt's daemon, libvirt's client and QEMU look for.
keys_host() {
    local dir=$LAB/pki/$1

    mkdir -p "$dir"
    openssl req -x509 -CA "$LAB/pki/ca.pem" -CAkey "$LAB/pki/ca.key" -days 30 -nodes \
        -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -subj "/O=vmmi lab/CN=$1" \
        -addext "subjectAltName=DNS:$1,DNS:localhost,IP:$(host_ip "$1"),IP:127.0.0.1" \
        -addext 'basicConstraints=critical,CA:false' \
        -addext 'keyUsage=critical,digitalSignature,keyEncipherment' \
        -addext 'extendedKeyUsage=serverAuth,clientAuth' \
        -keyout "$dir/key.pem" -out "$dir/cert.pem" 2>"$dir/log" || return 1
    for name in servercert clientcert server-cert client-cert; do
        ln -sf cert.pem "$dir/$name.pem"
    done
    for name in serverkey clientkey server-key client-key; do
        ln -sf key.pem "$dir/$name.pem"
    done
    for name in cacert ca-cert; do
        ln -sf ../ca.pem "$dir/$name.pem"
    done
}

keys_make() {
    [ ! -e "$LAB/pki/done" ] || return 0
    mkdir -p "$LAB/pki"
    openssl req -x509 -days 30 -nodes -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 \
        -subj '/O=vmmi lab/CN=vmmi lab authority' \
        -addext 'basicConstraints=critical,CA:true' \
        -addext 'keyUsage=critical,keyCertSign,cRLSign' \
        -keyout "$LAB/pki/ca.key" -out "$LAB/pki/ca.pem" 2>"$LAB/pki/log" || return 1
    keys_host source && keys_host destination && : >"$LAB/pki/done"
}

SASL_USER=vmmi-lab

# The local socket of the source then asks for a user and a password (SCRAM-SHA-256).
keys_sasl() {
    local dir=$LAB/source/etc/sasl2 password

    need_programs sasl
    mkdir -p "$dir"
    password=$(openssl rand -hex 12)
    printf 'mech_list: scram-sha-256\nsasldb_path: %s\n' "$dir/passwd.db" >"$dir/libvirt.conf"
    printf '%s' "$password" |
        saslpasswd2 -p -c -f "$dir/passwd.db" -a libvirt -u source "$SASL_USER" ||
        die "cannot make the SASL user"
    (umask 077 && printf '%s' "$password" >"$LAB/sasl")
    (umask 077 && cat >"$LAB/source/auth.conf") <<EOF
[credentials-lab]
authname=$SASL_USER
password=$password

[auth-libvirt-localhost]
credentials=lab

[auth-libvirt-default]
credentials=lab
EOF
}

keys_no_sasl() {
    rm -f "$LAB/sasl" "$LAB/source/auth.conf" "$LAB/source/etc/sasl2"/*
}

#!/bin/sh
# SPDX-FileCopyrightText: The librr authors
# SPDX-License-Identifier: Apache-2.0
#
# Fixed computations of a Debian userland. They print the same on every machine:
# scripts/soak_userland.py compares what a guest prints with what the host does,
# with the same programs in a chroot.
set -eu
cd "$(dirname "$0")"
export LC_ALL=C PYTHONHASHSEED=0
work=$(mktemp -d)

section() { echo "== $*"; }

section openssl
# 64 MiB that nobody has seen before, but everybody can make.
head -c 67108864 /dev/zero |
  openssl enc -aes-256-ctr -K 00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff \
    -iv 0102030405060708090a0b0c0d0e0f10 >"$work/data"
for digest in sha256 md5; do
  openssl dgst -$digest -r <"$work/data"
done
head -c 4194304 "$work/data" >"$work/part"
for digest in sha1 sha384 sha512 sha3-512 blake2b512 ripemd160 sm3; do
  echo "$digest $(openssl dgst -$digest -r <"$work/part")"
done
for cipher in aes-128-cbc aes-256-ctr chacha20 camellia-256-cbc des-ede3-cbc; do
  echo "$cipher $(openssl enc -$cipher -pass pass:librr -pbkdf2 -S 0011223344556677 \
    -in "$work/part" | openssl dgst -sha256 -r)"
done
openssl dgst -sha256 -sign rsa.pem "$work/part" >"$work/signature"
openssl dgst -sha256 -r <"$work/signature"
openssl dgst -sha256 -prverify rsa.pem -signature "$work/signature" "$work/part"
openssl prime 170141183460469231731687303715884105727 170141183460469231731687303715884105729

section perl
perl float.pl

section python
python3 numbers_and_text.py

section gcc
for options in -O0 -O2 '-O3 -ffast-math' '-O2 -mfpmath=387' '-Os -fsanitize=undefined -fsanitize-undefined-trap-on-error'; do
  gcc $options -S -o "$work/compute.s" compute.c
  gcc $options -o "$work/compute" "$work/compute.s" -lm
  echo "$options: assembly $(md5sum <"$work/compute.s" | cut -c 1-32)"
  "$work/compute"
done

section sqlite
sqlite3 "$work/base.db" <queries.sql
sqlite3 "$work/base.db" .dump | md5sum

section tools
seq 1 200000 | sort -R --random-source="$work/part" | tee "$work/shuffled" | md5sum
sort -n "$work/shuffled" | md5sum
gzip -9 -n <"$work/part" | md5sum
awk 'BEGIN { for (i = 1; i < 200000; i++) s += sin(i) * exp(-i / 1e5); printf "%.17g\n", s }'
grep -rc 'sub ' /usr/share/perl/*/ | sort | md5sum

rm -rf "$work"
section end

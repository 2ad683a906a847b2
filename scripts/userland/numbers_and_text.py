# SPDX-FileCopyrightText: The librr authors
# SPDX-License-Identifier: Apache-2.0
"""Floating point to the last bit, big numbers, text and hashes in Python."""
import decimal
import fractions
import hashlib
import json
import math
import random
import re
import statistics
import struct
import zlib


def show(name, value):
    if isinstance(value, float):
        value = f"{value.hex()} {value!r}"
    print(name, value)


def digest(text):
    return hashlib.sha256(text.encode()).hexdigest()


def n_body(steps):
    """Five bodies that attract each other: energy after so many steps."""
    generator = random.Random(7)
    bodies = [[[generator.uniform(-5, 5) for _ in range(3)],
               [generator.uniform(-1, 1) for _ in range(3)],
               generator.uniform(0.1, 2)] for _ in range(5)]
    for _ in range(steps):
        for i, (place, speed, _) in enumerate(bodies):
            for j, (other, _, mass) in enumerate(bodies):
                if i != j:
                    gap = [b - a for a, b in zip(place, other)]
                    pull = 1e-3 * mass / (0.01 + sum(g * g for g in gap)) ** 1.5
                    for k in range(3):
                        speed[k] += gap[k] * pull
        for place, speed, _ in bodies:
            for k in range(3):
                place[k] += 1e-3 * speed[k]
    return sum(m * sum(v * v for v in speed) / 2 for _, speed, m in bodies)


functions = [math.sin, math.cos, math.tan, math.exp, math.log, math.sqrt,
             math.atan, math.sinh, math.erf, math.gamma, math.lgamma,
             math.log2, math.expm1, math.cbrt]
for function in functions:
    total = 0.0
    for i in range(1, 1500):
        total += function(i / 97.0)
    show(function.__name__, total)
show("pow", math.fsum(math.pow(i / 3, 1 / i) for i in range(1, 2000)))
show("fsum", math.fsum([1e16, 1.0, -1e16, 1e-16] * 1000))
show("n_body", n_body(1500))
show("stdev", statistics.stdev(math.sin(i) for i in range(2000)))
show("gauss", random.Random(1).gauss(0, 1))
show("subnormals", [(5e-324 * i).hex() for i in (1, 3, 0.5, 1e10)])
show("halves", struct.pack("<5e", 1.1, 65504, 6e-8, 1e-3, -0.0).hex())
show("nan", [math.isnan(math.inf - math.inf), math.inf > 1e308])
decimal.getcontext().prec = 200
show("decimal", decimal.Decimal(2).sqrt() + decimal.Decimal(1).exp())
show("fraction", sum((fractions.Fraction(1, i) for i in range(1, 200)),
                     fractions.Fraction(0)))
show("power", digest(hex(pow(3, 20011))))
show("modular", pow(0x1234567890abcdef, 2**521 - 1, 2**607 - 1) % 10**40)
data = bytes((i * i + (i >> 3)) & 255 for i in range(1 << 19))
show("crc", [zlib.crc32(data), zlib.adler32(data)])
show("deflate", hashlib.md5(zlib.compress(data, 9)).hexdigest())
for name in ("sha256", "sha3_256", "blake2b", "md5"):
    show(name, hashlib.new(name, data).hexdigest())
show("pbkdf2", hashlib.pbkdf2_hmac("sha256", b"librr", b"salt", 3000).hex())
table = {f"{i:x}": [i, i / 7, str(i)[::-1]] for i in range(8000)}
text = json.dumps(table, sort_keys=True)
show("json", [digest(text), json.loads(text) == table])
show("hash", [hash("librr") == hash("lib" + "rr"), len(set(map(hash, table)))])
show("regex", digest(re.sub(r"(\d)(\d+)\.", r"\2\1,", text)))
show("sort", digest(str(sorted(table, key=lambda key: key[::-1]))))
sieve = bytearray([1]) * 300000
for i in range(2, 548):
    if sieve[i]:
        sieve[i * i::i] = bytes(len(range(i * i, 300000, i)))
show("primes", sum(sieve[2:]))

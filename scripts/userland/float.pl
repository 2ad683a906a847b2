# SPDX-FileCopyrightText: The librr authors
# SPDX-License-Identifier: Apache-2.0
#
# Floating point to the last bit, big numbers, text and hashes in Perl.
use strict;
use warnings;
use Digest::SHA qw(sha256_hex);
use Math::BigInt;
use Math::BigFloat;

my ($x, $sum, $all) = (0.5, 0, '');
for my $i (1 .. 30000) {
  $x = sin($x * 3.7 + $i) * cos($x) + exp(-abs($x)) / $i;
  $sum += sqrt(abs($x)) * log($i + 1) + atan2($x, $i) + ($i**0.37) % 7;
  $all .= sprintf('%a', $x) if $i % 10 == 0;
}
printf "%a %a %.17g %s\n", $x, $sum, $sum, sha256_hex($all);
printf "%s %s %s %s\n", 9**9**9, -9**9**9, 1e308 * 10 - 1e308 * 10 == 0 ? 1 : 0,
  join ',', map { sprintf '%a', $_ } 1e-320, 5e-324, 0.1 + 0.2, 1 / 3;
print join(' ', map { int } 1e15 / 7, -7.9, 2**53 + 1), "\n";

my $big = Math::BigInt->new(3)->bpow(2000);
print sha256_hex("$big"), ' ', $big % 1_000_000_007, "\n";
print Math::BigFloat->new(2)->bsqrt(60), "\n";
my $factorial = Math::BigInt->new(400)->bfac;
print length("$factorial"), ' ', sha256_hex("$factorial"), "\n";

my %seen;
my $state = 12345;
for (1 .. 60000) {
  $state = ($state * 1103515245 + 12345) & 0x7fffffff;
  $seen{ sprintf '%x', $state % 5003 }++;
}
print scalar(keys %seen), ' ',
  sha256_hex(join ',', map { "$_=$seen{$_}" } sort keys %seen), "\n";
my $text = join ' ', map { sprintf '%s-%d', scalar reverse(sprintf('%b', $_)), $_ } 1 .. 8000;
my $count = () = $text =~ /\b(1[01]*?1)(0+)?-(\d*7)\b/g;
(my $changed = $text) =~ s/(\d+)-(\d+)/$2:@{[length $1]}/g;
print "$count ", sha256_hex($changed), "\n";

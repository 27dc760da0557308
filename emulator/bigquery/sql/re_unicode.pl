#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
# Writes re_unicode.def from the tables that come with perl:
#   perl emulator/bigquery/sql/re_unicode.pl > emulator/bigquery/sql/re_unicode.def
# Every second letter of a row of pairs (Lu, Ll) is one range with a step.
use strict;
use warnings;
use Unicode::UCD qw(prop_invlist prop_values prop_value_aliases);

# What RE2 knows: not Cn, and no names but these.
my @categories = qw(Cc Cf Co Cs Ll Lm Lo Lt Lu Mc Me Mn Nd Nl No Pc Pd Pe Pf
    Pi Po Ps Sc Sk Sm So Zl Zp Zs);

sub ranges {
    my @l = prop_invlist(shift);
    my @r;
    while (@l) {
        my ($from, $end) = splice @l, 0, 2;
        my $to = ($end // 0x110000) - 1;
        my $last = $r[-1];
        # a lone character goes on with the row that ends two before it
        if ($last && $from == $to && $last->[1] == $from - 2
            && ($last->[2] == 2 || $last->[0] == $last->[1])) {
            @$last[1, 2] = ($to, 2);
        } else {
            push @r, [$from, $to, 1];
        }
    }
    return map { sprintf '{0x%x,0x%x,%d}', @$_ } @r;
}

sub group {
    my ($macro, $name, $property) = @_;
    my $line = "$macro($name";
    for my $item (ranges($property)) {
        $line .= ',';
        if (length($line) + length($item) > 78) {
            print "$line\n";
            $line = '  ';
        }
        $line .= $item;
    }
    print "$line)\n";
}

print '/* Characters by general category and by script, of Unicode ',
    Unicode::UCD::UnicodeVersion(), ":\n",
    " * {from, to, step}. Made by re_unicode.pl: do not edit. */\n";
group('CATEGORY', $_, "gc=$_") for @categories;
for my $short (sort(prop_values('sc'))) {
    my $name = (prop_value_aliases('sc', $short))[1] // next;
    group('SCRIPT', $name, "sc=$short") unless $name =~ /^(Unknown|Katakana_Or)/;
}

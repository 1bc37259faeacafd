#!/usr/bin/perl
# loads.pl MS [work]: takes so long to load, waiting or working. ms=N sleeps in a request.
use strict;
use warnings;
use FCGI;
use Time::HiRes 'usleep';

my ($ms, $works) = @ARGV;
usleep(1000 * $ms) unless $works;
while ($works && (times)[0] < $ms / 1000) { }
my $request = FCGI::Request();
while ($request->Accept() >= 0) {
	usleep(1000 * $1) if $ENV{QUERY_STRING} =~ /ms=(\d+)/;
	print "Content-Type: text/plain\r\n\r\n$$\n";
}

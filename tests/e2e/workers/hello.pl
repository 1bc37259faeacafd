#!/usr/bin/perl
# The Perl FCGI module's ordinary loop: parameters arrive in %ENV, the body on STDIN.
use strict;
use warnings;
use FCGI;

my $count = 0;
my $request = FCGI::Request();
while ($request->Accept() >= 0) {
	my $body = '';
	read(STDIN, $body, $ENV{CONTENT_LENGTH}) if $ENV{CONTENT_LENGTH};
	$count++;
	print "Content-Type: text/plain\r\n\r\n";
	print "perl $$ $count $ENV{REQUEST_METHOD} ", length($body), "\n";
}

#!/usr/bin/perl
# A FastCGI program in Perl, with FCGI: says what it was asked, and counts the bytes of a body.
use strict;
use warnings;
use FCGI;

# What is the same for all requests is done here, once: modules, settings, templates. With
# pm.preload all workers share it; connect to a database at the first request, for each needs its
# own.
my ($in, $out, $err) = (\*STDIN, \*STDOUT, \*STDERR);
my $request = FCGI::Request($in, $out, $err, \%ENV, 0, FCGI::FAIL_ACCEPT_ON_INTR);

sub answer {
	my ($bytes, $chunk) = (0, '');
	while (my $n = read $in, $chunk, 65536) {
		$bytes += $n;
	}
	if ($bytes < ($ENV{CONTENT_LENGTH} || 0)) {
		print STDERR "hello: the body ends after $bytes bytes\n";
		print "Status: 400 Bad Request\r\n\r\n";
		return;
	}
	print "Content-Type: text/plain\r\n\r\n",
	    "$ENV{REQUEST_METHOD} $ENV{REQUEST_URI}, $bytes bytes\n";
}

# SIGTERM lets accept fail; a request in progress is answered first. FCGI keeps the connection from
# one request to the next where it is asked to, as anyfpm does.
while ($request->Accept() >= 0) {
	# A request that fails is no reason to start a new worker.
	eval { answer(); 1 } or print STDERR $@;
}

#!/usr/bin/perl
# A CGI script on its way to FastCGI, with CGI::Fast: says what it was asked, and counts the bytes
# of a body.
use strict;
use warnings;
use CGI::Fast;

$CGI::POST_MAX = 8 * 1024 * 1024;  # a body is in memory as a whole

# What was at the top of the CGI script stays here, and is done once; what was done for a request
# goes into the loop. Variables that are not made anew in it still have the last request's values.
while (my $q = CGI::Fast->new) {
	if (my $error = $q->cgi_error) {
		print STDERR "hello: $error\n";
		print $q->header(-status => $error);
		next;
	}
	# A form's fields and files are in $q->param and $q->upload, any other body is POSTDATA.
	my $body = $q->request_method eq 'POST' ? $q->param('POSTDATA') // '' : '';
	print $q->header(-type => 'text/plain', -charset => ''),
	    $q->request_method, " $ENV{REQUEST_URI}, ", length $body, " bytes\n";
}

#!/usr/bin/perl
# CGI::Fast: notes each run in the file RUNS, waits ms, and says what it was asked.
use strict;
use warnings;
use CGI::Fast;

my $runs_file = $ENV{RUNS};
while (my $q = CGI::Fast->new) {
	my $asked = $q->request_method . ' ' . $q->url_param('id');
	my $body = $q->request_method eq 'POST' ? $q->param('POSTDATA') : '';
	open my $runs, '>>', $runs_file or die "$runs_file: $!";
	syswrite $runs, "$asked\n";
	close $runs;
	my $ms = $q->url_param('ms');
	select undef, undef, undef, $ms / 1000 if $ms;
	print $q->header('text/plain'), "$asked $body";
}

#!/usr/bin/perl
# CGI and DBI, and a table of some MB that is read from the database TABLE at start. id=N looks a row
# up in it and in the database, ms=N sleeps.
use strict;
use warnings;
use CGI;
use DBI;
use FCGI;
use Time::HiRes 'usleep';

my $file = $ENV{TABLE}; # a request has another %ENV

sub opened {
	DBI->connect("dbi:SQLite:dbname=$file", '', '', { RaiseError => 1, ReadOnly => 1 });
}

my $loading = opened();
my %table = map { $_->[0] => $_ } @{ $loading->selectall_arrayref('SELECT * FROM goods') };
$loading->disconnect;

my $db; # each worker has one of its own
my $request = FCGI::Request();
while ($request->Accept() >= 0) {
	CGI->initialize_globals();
	my $asked = CGI->new();
	my $id = $asked->param('id') || 1;
	$db ||= opened();
	my ($sum) = $db->selectrow_array('SELECT sum(price) FROM goods WHERE id BETWEEN ? AND ?', undef,
	    $id, $id + 9);
	usleep(1000 * $asked->param('ms')) if $asked->param('ms');
	print $asked->header(-type => 'text/html', -X_Worker => $$),
	    "<h1>", $asked->escapeHTML($table{$id}[1]), "</h1><p>$table{$id}[2], ten are $sum</p>\n";
}

# A PSGI application that routes: which part of it was reached, and with what.
use strict;
use warnings;
use Plack::Builder;

sub answer {
	my $route = shift;
	sub {
		my $env = shift;
		my @names = map { '[' . ($env->{$_} // '') . ']' } qw(SCRIPT_NAME PATH_INFO QUERY_STRING);
		[200, ['Content-Type' => 'text/plain'], [join ' ', $route, @names]];
	};
}

builder {
	mount '/hello' => answer('hello');
	mount '/' => answer('top');
};

# A PSGI application: notes each run in the file RUNS, waits ms, and says what it was asked.
use strict;
use warnings;

sub {
	my $env = shift;
	my %query = map { split /=/, $_, 2 } split /&/, $env->{QUERY_STRING};
	my $body = '';
	if (my $length = $env->{CONTENT_LENGTH}) {
		$env->{'psgi.input'}->read($body, $length);
	}
	open my $runs, '>>', $ENV{RUNS} or die "$ENV{RUNS}: $!";
	syswrite $runs, "$env->{REQUEST_METHOD} $query{id}\n";
	close $runs;
	select undef, undef, undef, $query{ms} / 1000 if $query{ms};
	return [200, ['Content-Type' => 'text/plain'],
		["$env->{REQUEST_METHOD} $query{id} $body"]];
};

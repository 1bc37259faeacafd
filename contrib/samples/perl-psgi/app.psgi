# A PSGI application: says what it was asked, and counts the bytes of a body. Dancer2, Catalyst and
# Mojolicious applications are such files, too.
use strict;
use warnings;

# What is the same for all requests is done here, once. With pm.preload all workers share it;
# connect to a database at the first request, for each needs its own.

sub {
	my $env = shift;
	my ($bytes, $chunk) = (0, '');
	while (my $n = $env->{'psgi.input'}->read($chunk, 65536)) {
		$bytes += $n;
	}
	if ($bytes < ($env->{CONTENT_LENGTH} || 0)) {
		$env->{'psgi.errors'}->print("the body ends after $bytes bytes\n");
		return [400, [], []];
	}
	return [200, ['Content-Type' => 'text/plain'],
		["$env->{REQUEST_METHOD} $env->{REQUEST_URI}, $bytes bytes\n"]];
};

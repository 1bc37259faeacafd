# Two days of a load that rises and falls, as munin-update would have written it: for whoever has no
# munin-node. They begin with the year 2023.
use strict;
use warnings;
use Munin::Master::Utils;
use RRDs;

my ($begin, $days) = (1672531200, 2);
my %service = (graph_title => 'Load average', graph_category => 'system', graph_vlabel => 'load',
    graph_args => '--base 1000 -l 0', 'load.label' => 'load', 'load.graph_data_size' => 'normal',
    'load.update_rate' => 300);
my $config = { version => $Munin::Common::Defaults::MUNIN_VERSION };

mkdir $_ for qw(data data/log data/drawn data/localhost);
munin_set_var_path($config, "localhost;localhost:load.$_", $service{$_}) for sort keys %service;
munin_writeconfig_storable('data/datafile.storable', $config);

my $file = 'data/localhost/localhost-load-load-g.rrd';
RRDs::create($file, '--start', $begin, '--step', 300, 'DS:42:GAUGE:600:U:U',
    map { ("RRA:AVERAGE:0.5:$_", "RRA:MIN:0.5:$_", "RRA:MAX:0.5:$_") }
        qw(1:576 6:432 24:540 288:450));
RRDs::update($file, map { $begin + 300 * $_ . ':' . (1 + sin($_ / 20)) } 1 .. $days * 288);
die RRDs::error() if RRDs::error();

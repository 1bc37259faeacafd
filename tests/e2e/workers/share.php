<?php
/* What the workers of a pool have in common: OPcache and APCu. Answers as JSON. */
header('Content-Type: application/json');
$do = $_GET['do'] ?? '';
if ($do == 'store')
	apcu_store('shared', $_GET['value']);
else if ($do == 'count')
	$count = apcu_inc('count');
else if ($do == 'reset')
	opcache_reset();
else if ($do == 'use')
	include __DIR__ . '/shared.php';
else if ($do == 'meet') {
	/* Until there are as many of us: each is another worker then, and all see one counter. */
	$end = hrtime(true) + 1e9 * $_GET['seconds'];
	apcu_inc($_GET['place']);
	while (apcu_fetch($_GET['place']) < $_GET['many'] && hrtime(true) < $end)
		usleep(2000);
}
$status = opcache_get_status();
echo json_encode([
	'pid' => getmypid(),
	'shared' => apcu_fetch('shared'),
	'count' => $count ?? apcu_fetch('count'),
	'entries' => apcu_cache_info(true)['num_entries'],
	'resets' => $status['opcache_statistics']['manual_restarts'],
	'pending' => $status['restart_pending'],
	'cached' => isset($status['scripts'][__DIR__ . '/shared.php']),
	'began' => $status['opcache_statistics']['start_time'],
]);

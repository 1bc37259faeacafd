<?php
// A PHP script: says what it was asked, and counts the bytes of a body. Nothing in it is about FastCGI:
// php-cgi runs it anew for each request, and is done with all it has opened at its end.
declare(strict_types=1);

$bytes = 0;
$in = fopen('php://input', 'rb');
while (($chunk = fread($in, 65536)) !== false && $chunk !== '')
	$bytes += strlen($chunk);

header('Content-Type: text/plain');
if ($bytes < (int) ($_SERVER['CONTENT_LENGTH'] ?? 0)) {
	error_log("hello: the body ends after $bytes bytes"); // to the log of anyfpm and of the web server
	http_response_code(400);
	exit;
}
echo "{$_SERVER['REQUEST_METHOD']} {$_SERVER['REQUEST_URI']}, $bytes bytes\n";

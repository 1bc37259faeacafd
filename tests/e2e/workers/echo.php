<?php
// php-cgi: notes each run in the file RUNS, waits ms, and says what it was asked.
$asked = $_SERVER['REQUEST_METHOD'] . ' ' . $_GET['id'];
$body = file_get_contents('php://input');
file_put_contents(getenv('RUNS'), "$asked\n", FILE_APPEND);
usleep(1000 * (int) $_GET['ms']);
header('Content-Type: text/plain');
echo "$asked $body";

<?php
header('Content-Type: text/plain');
echo "php ", getmypid(), " ", $_SERVER['REQUEST_METHOD'], " ", strlen(file_get_contents('php://input')), "\n";

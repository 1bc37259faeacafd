<?php
// Read before DokuWiki: this wiki has settings of its own.
define('DOKU_CONF', __DIR__ . '/conf/');

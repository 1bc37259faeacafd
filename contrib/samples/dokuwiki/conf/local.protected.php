<?php
// What this wiki has in place of Debian's settings.
$conf['title'] = 'Wiki';
$conf['savedir'] = dirname(__DIR__) . '/data';
$conf['useacl'] = 0; // everybody may read and write

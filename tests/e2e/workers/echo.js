// node-fastcgi: notes each run in the file RUNS, waits ms, and says what it was asked.
'use strict';

const fcgi = require('node-fastcgi');
const fs = require('fs');

fcgi.createServer((request, response) => {
	const query = new URLSearchParams(request.url.split('?')[1]);
	const parts = [];
	request.on('data', (part) => parts.push(part));
	request.on('end', () => {
		const asked = `${request.method} ${query.get('id')}`;
		fs.appendFileSync(process.env.RUNS, asked + '\n');
		setTimeout(() => {
			response.writeHead(200, { 'Content-Type': 'text/plain' });
			response.end(`${asked} ${Buffer.concat(parts)}`);
		}, Number(query.get('ms')));
	});
}).listen();

// The gRPC test peer in @grpc/grpc-js: README.md beside it says what it does.
'use strict';

const fs = require('fs');
const readline = require('readline');
const grpc = require('@grpc/grpc-js'); // NODE_PATH says where

const SERVICE = '/shmotel.test.Calls/';
const GZIP = 2;

// An encoded Packet with a payload of `size` bytes.
function packet(size) {
	const length = [];
	let n = size;
	for (; n > 0x7f; n >>= 7)
		length.push((n & 0x7f) | 0x80);
	return Buffer.concat([Buffer.from([0x0a, ...length, n]), Buffer.alloc(size, 'p')]);
}

const pass = (bytes) => bytes;

function method(name, requestStream, responseStream) {
	return {
		path: SERVICE + name, requestStream, responseStream, requestSerialize: pass, requestDeserialize: pass,
		responseSerialize: pass, responseDeserialize: pass,
	};
}

const METHODS = {
	Unary: method('Unary', false, false),
	ClientStream: method('ClientStream', true, false),
	ServerStream: method('ServerStream', false, true),
	Bidi: method('Bidi', true, true),
};

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

// What the client asks for, and the trailers to end with; sends the headers if they carry something.
function begin(call) {
	const asked = JSON.parse(call.metadata.get('x-do')[0]);
	asked.trailers = new grpc.Metadata();
	if (asked.metadata_bytes) {
		const headers = new grpc.Metadata();
		headers.set('x-pad', '~'.repeat(asked.metadata_bytes));
		asked.trailers.set('x-end', '~'.repeat(asked.metadata_bytes));
		call.sendMetadata(headers);
	}
	return asked;
}

const failure = (asked) => ({code: asked.status, details: asked.message, metadata: asked.trailers});

async function answerOne(asked, callback) {
	await sleep(asked.delay_ms);
	if (asked.status)
		callback(failure(asked));
	else
		callback(null, packet(asked.bytes), asked.trailers);
}

async function answerMany(call, asked, count) {
	await sleep(asked.delay_ms);
	for (let n = 0; n < count; n++)
		call.write(packet(asked.bytes));
	if (asked.status)
		call.emit('error', failure(asked));
	else
		call.end(asked.trailers);
}

const HANDLERS = {
	Unary: (call, callback) => answerOne(begin(call), callback),
	ClientStream: (call, callback) => {
		const asked = begin(call);
		if (asked.early)
			return answerOne(asked, callback);
		call.on('data', () => {});
		call.on('end', () => answerOne(asked, callback));
	},
	ServerStream: (call) => {
		const asked = begin(call);
		answerMany(call, asked, asked.messages);
	},
	Bidi: (call) => {
		const asked = begin(call);
		let left = asked.messages;
		if (asked.early)
			return answerMany(call, asked, left);
		call.on('data', () => {
			if (left > 0) {
				call.write(packet(asked.bytes));
				left--;
			}
		});
		call.on('end', () => answerMany(call, asked, left));
	},
};

function serve(address) {
	const server = new grpc.Server();
	server.addService(METHODS, HANDLERS);
	server.bindAsync(address, grpc.ServerCredentials.createInsecure(), (error) => {
		if (error)
			throw error;
		console.log('listening');
	});
}

function startCall(client, line, result, callback) {
	const metadata = new grpc.Metadata();
	metadata.set('traceparent', line.traceparent);
	metadata.set('x-do', line.do);
	if (line.metadata_bytes)
		metadata.set('x-pad', '~'.repeat(line.metadata_bytes));
	const options = line.deadline_ms ? {deadline: Date.now() + line.deadline_ms} : {};
	const {path, requestStream, responseStream} = METHODS[line.method] || method(line.method, false, false);
	const request = packet(line.send_bytes);
	if (!requestStream) {
		result.sent = 1;
		return responseStream ? client.makeServerStreamRequest(path, pass, pass, request, metadata, options) :
			client.makeUnaryRequest(path, pass, pass, request, metadata, options, callback);
	}
	const call = responseStream ? client.makeBidiStreamRequest(path, pass, pass, metadata, options) :
		client.makeClientStreamRequest(path, pass, pass, metadata, options, callback);
	for (; result.sent < line.send; result.sent++)
		call.write(request);
	call.end();
	return call;
}

// Make one call and resolve to its line of the log.
function run(clients, line) {
	const now = () => Math.round((performance.timeOrigin + performance.now()) * 1000);
	const result = {id: line.id, method: line.method, status: 0, message: '', sent: 0, received: 0, start: now(), end: 0};
	return new Promise((resolve) => {
		const call = startCall(line.gzip ? clients.gzip : clients.plain, line, result, (error, response) => {
			if (response)
				result.received = 1;
		});
		if (line.cancel_ms)
			setTimeout(() => call.cancel(), line.cancel_ms);
		call.on('error', () => {}); // the status says it
		if (line.method === 'ServerStream' || line.method === 'Bidi')
			call.on('data', () => result.received++);
		call.on('status', (status) => setImmediate(() => {
			result.status = status.code;
			result.message = status.details;
			result.end = now();
			resolve(result);
		}));
	});
}

async function runCalls(address, script, logPath, parallel) {
	const connect = (options) => new grpc.Client(address, grpc.credentials.createInsecure(), options);
	const clients = {plain: connect({}), gzip: connect({'grpc.default_compression_algorithm': GZIP})};
	const log = fs.openSync(logPath, 'w');
	const running = new Set();
	for await (const text of readline.createInterface({input: fs.createReadStream(script)})) {
		const call = run(clients, JSON.parse(text)).then((result) => {
			fs.writeSync(log, JSON.stringify(result) + '\n');
			running.delete(call);
		});
		running.add(call);
		if (running.size >= parallel)
			await Promise.race(running);
	}
	await Promise.all(running);
	clients.plain.close();
	clients.gzip.close();
}

const [role, ...rest] = process.argv.slice(2);
if (role === 'server')
	serve(...rest);
else
	runCalls(rest[0], rest[1], rest[2], Number(rest[3]));

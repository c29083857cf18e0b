// Node's HTTP server: answers every request with the length of its body.
const http = require("http");

http.createServer((request, response) => {
	let length = 0;
	request.on("data", (data) => { length += data.length; });
	request.on("end", () => response.end(length + "\n"));
}).listen(Number(process.argv[2]), "127.0.0.1");

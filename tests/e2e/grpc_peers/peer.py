#!/usr/bin/env python3
"""The gRPC test peer in grpcio (C core): README.md beside it says what it does."""
import asyncio
import json
import sys
import time

import grpc
import grpc.aio

SERVICE = "/shmotel.test.Calls/"
OPTIONS = [("grpc.max_metadata_size", 1 << 20), ("grpc.use_local_subchannel_pool", 1)]
STATUSES = {code.value[0]: code for code in grpc.StatusCode}


def packet(size):
    """An encoded Packet with a payload of `size` bytes."""
    length, n = bytearray(), size
    while n > 0x7f:
        length.append(n & 0x7f | 0x80)
        n >>= 7
    return b"\x0a" + bytes(length) + bytes([n]) + b"p" * size


def instruction(context):
    return json.loads(dict(context.invocation_metadata())["x-do"])


async def begin(do, context):
    if do["gzip"]:
        context.set_compression(grpc.Compression.Gzip)
    if do["metadata_bytes"]:
        await context.send_initial_metadata((("x-pad", "~" * do["metadata_bytes"]),))
        context.set_trailing_metadata((("x-end", "~" * do["metadata_bytes"]),))


def finish(do, context):
    context.set_code(STATUSES[do["status"]])
    context.set_details(do["message"])


async def read_all(requests, do):
    if not do["early"]:
        async for _ in requests:
            pass


async def answer_one(do, context):
    await begin(do, context)
    await asyncio.sleep(do["delay_ms"] / 1000)
    if do["status"]:
        await context.abort(STATUSES[do["status"]], do["message"], context.trailing_metadata())
    return packet(do["bytes"])


async def answer_many(do, context, count):
    await asyncio.sleep(do["delay_ms"] / 1000)
    for _ in range(count):
        await context.write(packet(do["bytes"]))
    finish(do, context)


async def unary(_, context):
    return await answer_one(instruction(context), context)


async def client_stream(requests, context):
    do = instruction(context)
    await read_all(requests, do)
    return await answer_one(do, context)


async def server_stream(_, context):
    do = instruction(context)
    await begin(do, context)
    await answer_many(do, context, do["messages"])


async def bidi(requests, context):
    do = instruction(context)
    await begin(do, context)
    left = do["messages"]
    if not do["early"]:
        async for _ in requests:
            if left:
                await context.write(packet(do["bytes"]))
                left -= 1
    await answer_many(do, context, left)


HANDLERS = {
    "Unary": grpc.unary_unary_rpc_method_handler(unary),
    "ClientStream": grpc.stream_unary_rpc_method_handler(client_stream),
    "ServerStream": grpc.unary_stream_rpc_method_handler(server_stream),
    "Bidi": grpc.stream_stream_rpc_method_handler(bidi),
}


async def serve(address):
    server = grpc.aio.server(options=OPTIONS)
    server.add_generic_rpc_handlers([grpc.method_handlers_generic_handler(SERVICE.strip("/"), HANDLERS)])
    server.add_insecure_port(address)
    await server.start()
    print("listening", flush=True)
    await server.wait_for_termination()


class Call:
    """One line of the script."""

    def __init__(self, line):
        self.line, self.sent, self.received = line, 0, 0

    def start(self, channel):
        line = self.line
        metadata = [("traceparent", line["traceparent"]), ("x-do", line["do"])]
        if line["metadata_bytes"]:
            metadata.append(("x-pad", "~" * line["metadata_bytes"]))
        how = {"metadata": metadata, "timeout": line["deadline_ms"] / 1000 or None,
               "compression": grpc.Compression.Gzip if line["gzip"] else None}
        path = SERVICE + line["method"]
        if line["method"] in ("ClientStream", "Bidi"):
            kind = channel.stream_unary if line["method"] == "ClientStream" else channel.stream_stream
            return kind(path)(self.messages(), **how)
        self.sent = 1
        kind = channel.unary_stream if line["method"] == "ServerStream" else channel.unary_unary
        return kind(path)(packet(line["send_bytes"]), **how)

    async def messages(self):
        for _ in range(self.line["send"]):
            self.sent += 1
            yield packet(self.line["send_bytes"])

    async def receive(self, call):
        if self.line["method"] in ("ServerStream", "Bidi"):
            async for _ in call:
                self.received += 1
        else:
            await call
            self.received = 1

    async def run(self, channel, log):
        start = time.time_ns()
        call = self.start(channel)
        if self.line["cancel_ms"]:
            asyncio.get_running_loop().call_later(self.line["cancel_ms"] / 1000, call.cancel)
        try:
            await self.receive(call)
        except (grpc.RpcError, asyncio.CancelledError):
            pass
        code, details = await call.code(), await call.details()
        log.write(json.dumps({
            "id": self.line["id"], "method": self.line["method"], "status": code.value[0], "message": details or "",
            "sent": self.sent, "received": self.received, "start": start // 1000, "end": time.time_ns() // 1000}) + "\n")
        log.flush()


async def run_calls(address, script, log_path, parallel):
    lines = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(lines), open(script, encoding="utf-8"))
    places = asyncio.Semaphore(int(parallel))

    async def make(text):
        await Call(json.loads(text)).run(channel, log)
        places.release()
    running = set()
    async with grpc.aio.insecure_channel(address, options=OPTIONS) as channel:
        with open(log_path, "w", encoding="utf-8") as log:
            async for text in lines:
                await places.acquire()
                task = asyncio.create_task(make(text))
                running.add(task)
                task.add_done_callback(running.discard)
            await asyncio.gather(*running)


if __name__ == "__main__":
    asyncio.run({"server": serve, "client": run_calls}[sys.argv[1]](*sys.argv[2:]))

import System

// Serves until it is killed:
//   http-bench static PORT [--loops N] [--tls CHAIN KEY]
//   http-bench proxy PORT UPSTREAM_PORT [--loops N] [--tls CHAIN KEY] [--behind MICROSECONDS]
Signals.ignoreBrokenPipes()
let bench = try Bench(Array(CommandLine.arguments.dropFirst()))
let loop = try EventLoop()
var loops = [loop]
while loops.count < bench.loopCount { loops.append(try EventLoop()) }
try bench.start(on: loops)
loop.run()

import System

// Serves until it is killed: `http-bench static PORT` or `http-bench proxy PORT UPSTREAM_PORT`.
Signals.ignoreBrokenPipes()
let arguments = CommandLine.arguments
let loop = try EventLoop()
try Bench.start(Array(arguments.dropFirst()), on: loop)
loop.run()

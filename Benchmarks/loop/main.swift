// Prints what the loop's building blocks cost, as one JSON object. CPU time of the loop's thread,
// not wall time: the machine may be busy with other things.
LoopBenchmark.run()

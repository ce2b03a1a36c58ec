import System

let status = GatehouseTool.run(Process.arguments)
exitNow(status)

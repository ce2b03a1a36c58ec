/// The published JSON Schema of the configuration, for editors and `gatehouse check --schema`.
///
/// The same text as `docs/configuration.schema.json`; a test holds the two together, and holds both
/// against what the reader takes.
package enum ConfigurationSchema {
    package static let text = #"""
        {
          "$schema": "https://json-schema.org/draft/2020-12/schema",
          "title": "gatehouse.yaml",
          "description": "The configuration of Gatehouse, or a client's mcpServers file. What a schema cannot say (names that lead nowhere, times out of range, rules without effect) is checked by `gatehouse check`.",
          "if": { "type": "object", "required": ["mcpServers"] },
          "then": { "$ref": "#/$defs/clientFile" },
          "else": { "$ref": "#/$defs/configuration" },
          "$defs": {
            "configuration": {
              "type": "object",
              "required": ["gatehouse"],
              "additionalProperties": false,
              "properties": {
                "gatehouse": { "const": 1 },
                "environment": { "$ref": "#/$defs/name", "description": "The one environment of this gateway; `production` makes T3 ask two people." },
                "listen": { "$ref": "#/$defs/listen" },
                "servers": { "$ref": "#/$defs/servers" },
                "secrets": { "type": "object", "additionalProperties": { "$ref": "#/$defs/secret" } },
                "hosting": { "$ref": "#/$defs/hosting" },
                "tenants": { "type": "object", "propertyNames": { "allOf": [{ "$ref": "#/$defs/name" }, { "not": { "const": "main" } }] }, "additionalProperties": { "$ref": "#/$defs/tenant" } },
                "approvals": {
                  "type": "object",
                  "additionalProperties": false,
                  "properties": {
                    "hold": { "$ref": "#/$defs/time", "description": "How long a call waits on its connection, at most 600 s." },
                    "adaptive": { "type": "boolean", "description": "Whether a client that gave up while its call was held is held for less from then on." },
                    "expiry": { "$ref": "#/$defs/time", "description": "How long a question lives, 1 s to 1 d." },
                    "review": { "$ref": "#/$defs/time", "description": "How long a break-glass may wait for another person's review, 1 s to 7 d." },
                    "self_approval": { "type": "boolean" }
                  }
                },
                "self_approval": { "type": "boolean", "description": "Whether the owner of a token may approve its calls; never at T3." },
                "audit": {
                  "type": "object",
                  "additionalProperties": false,
                  "properties": {
                    "checkpoints": { "anyOf": [{ "$ref": "#/$defs/text" }, { "type": "array", "maxItems": 8, "items": { "$ref": "#/$defs/text" } }], "description": "Files each signed checkpoint is appended to." },
                    "result_bytes": { "type": "integer", "minimum": 0, "maximum": 65536 },
                    "bytes_per_day": { "type": "integer", "minimum": 1048576, "maximum": 1099511627776 },
                    "retention": {
                      "type": "object",
                      "additionalProperties": false,
                      "anyOf": [{ "required": ["age"] }, { "required": ["bytes"] }],
                      "description": "When the oldest records go, with a signed tombstone in their place; none goes where this is left out.",
                      "properties": {
                        "age": { "$ref": "#/$defs/time", "description": "Records older than this go; 1 d to 36500 d." },
                        "bytes": { "type": "integer", "minimum": 1048576, "maximum": 1125899906842624, "description": "The oldest records go until the log fills no more than this." },
                        "bytes_after": { "$ref": "#/$defs/time", "description": "By size nothing goes that is younger; 0 s to 36500 d, 7 d if left out." }
                      }
                    }
                  }
                },
                "console": {
                  "type": "object",
                  "additionalProperties": false,
                  "description": "The pages and the control API for people.",
                  "properties": {
                    "listen": { "$ref": "#/$defs/address", "description": "ADDRESS:PORT for browsers, or none." },
                    "hosts": { "type": "array", "items": { "$ref": "#/$defs/text" }, "description": "Names people reach it under." },
                    "tls": { "allOf": [{ "$ref": "#/$defs/tls" }, { "properties": { "terminated_by": false } }] }
                  }
                },
                "tools": { "$ref": "#/$defs/tools" },
                "rules": { "$ref": "#/$defs/rules" },
                "limits": { "$ref": "#/$defs/limits" },
                "deny_paths": { "$ref": "#/$defs/denyPaths" }
              }
            },
            "tenant": {
              "type": "object",
              "additionalProperties": false,
              "description": "Inherits the rules, limits and denied paths of the top, never its servers or tools.",
              "properties": {
                "servers": { "$ref": "#/$defs/servers" },
                "hosting": { "$ref": "#/$defs/hosting" },
                "tools": { "$ref": "#/$defs/tools" },
                "rules": { "$ref": "#/$defs/rules" },
                "limits": { "$ref": "#/$defs/limits" },
                "deny_paths": { "$ref": "#/$defs/denyPaths" }
              }
            },
            "hosting": {
              "type": "object",
              "additionalProperties": false,
              "description": "What the hosted servers of one tenant may use together; tenants inherit what they do not write, each for itself.",
              "properties": {
                "servers": { "type": "integer", "minimum": 1, "maximum": 4096, "description": "How many of them run at once." },
                "processes": { "type": "integer", "minimum": 2, "maximum": 1048576, "description": "The sum of the `processes` of those that run." },
                "memory": { "type": "integer", "minimum": 16, "maximum": 16777216, "description": "The sum of the `memory` of those that run, in MiB." }
              }
            },
            "name": {
              "type": "string",
              "maxLength": 64,
              "pattern": "^[a-z0-9](?:[a-z0-9-]|_[a-z0-9-])*$"
            },
            "text": { "type": "string", "pattern": "^[^\\u0000]*$" },
            "time": { "type": "string", "pattern": "^[0-9]+(?:ms|s|min|h|d)$" },
            "listen": {
              "type": "object",
              "additionalProperties": false,
              "properties": {
                "mcp": { "$ref": "#/$defs/address", "description": "ADDRESS:PORT for agents, or none." },
                "control": { "$ref": "#/$defs/address", "description": "ADDRESS:PORT for health, readiness and metrics, or none." },
                "allow_from": { "type": "array", "items": { "$ref": "#/$defs/text" }, "description": "Addresses and ranges that may connect for agents; everybody else is cut off." },
                "connections": { "type": "integer", "minimum": 1, "maximum": 100000, "description": "How many connections of agents may be open at once." },
                "control_from": { "type": "array", "items": { "$ref": "#/$defs/text" } },
                "hosts": { "type": "array", "items": { "$ref": "#/$defs/text" } },
                "origins": { "type": "array", "items": { "$ref": "#/$defs/text" } },
                "open": { "type": "boolean", "description": "Loopback only: a request without credential is the principal `local`." },
                "tls": { "$ref": "#/$defs/tls" },
                "http2": { "type": "boolean", "description": "Whether agents may speak HTTP/2; with tls they may, without it at loopback addresses only and when written." }
              }
            },
            "tls": {
              "type": "object",
              "additionalProperties": false,
              "minProperties": 1,
              "properties": {
                "certificate": { "$ref": "#/$defs/text", "description": "File of the certificate chain in PEM form, the gateway's own first." },
                "key": { "$ref": "#/$defs/text", "description": "File of its private key in PEM form, readable for its owner alone." },
                "certificates": { "type": "array", "minItems": 1, "maxItems": 64, "items": { "$ref": "#/$defs/identity" }, "description": "Several, chosen by the name a client asks for; the first is for all others." },
                "clients": {
                  "type": "object",
                  "additionalProperties": false,
                  "required": ["ca"],
                  "properties": { "ca": { "$ref": "#/$defs/text", "description": "File of the authorities whose certificates clients may show." }, "required": { "type": "boolean" } }
                },
                "terminated_by": { "type": "array", "items": { "type": "string", "pattern": "^[0-9a-fA-F:.]+$" } }
              },
              "dependentRequired": { "certificate": ["key"], "key": ["certificate"] },
              "if": { "required": ["clients"] },
              "then": { "anyOf": [{ "required": ["certificate"] }, { "required": ["certificates"] }] },
              "not": { "anyOf": [{ "required": ["certificate", "certificates"] }, { "required": ["certificate", "terminated_by"] }, { "required": ["certificates", "terminated_by"] }] }
            },
            "identity": {
              "type": "object",
              "additionalProperties": false,
              "required": ["certificate", "key"],
              "properties": { "certificate": { "$ref": "#/$defs/text" }, "key": { "$ref": "#/$defs/text" } }
            },
            "address": { "type": "string", "pattern": "^(?:none|(?:[0-9.]+|\\[[0-9a-fA-F:.]+\\]):[0-9]{1,5})$" },
            "secret": {
              "type": "object",
              "additionalProperties": false,
              "minProperties": 1,
              "maxProperties": 1,
              "properties": {
                "file": { "$ref": "#/$defs/text" },
                "env": { "$ref": "#/$defs/text" },
                "stored": { "const": true, "description": "By `gatehouse secrets set`." },
                "command": { "type": "array", "minItems": 1, "maxItems": 64, "items": { "$ref": "#/$defs/text" }, "prefixItems": [{ "$ref": "#/$defs/absolute" }], "description": "What this program prints." },
                "vault": {
                  "type": "object",
                  "required": ["url", "path", "token"],
                  "additionalProperties": false,
                  "description": "KV engine 2 of HashiCorp Vault or OpenBao.",
                  "properties": {
                    "url": { "$ref": "#/$defs/text" },
                    "mount": { "$ref": "#/$defs/vaultPath" },
                    "path": { "$ref": "#/$defs/vaultPath" },
                    "key": { "$ref": "#/$defs/text" },
                    "token": { "type": "object", "additionalProperties": false, "minProperties": 1, "maxProperties": 1, "properties": { "env": { "$ref": "#/$defs/text" }, "file": { "$ref": "#/$defs/text" } } },
                    "namespace": { "$ref": "#/$defs/text" },
                    "ca": { "$ref": "#/$defs/text" },
                    "addresses": { "$ref": "#/$defs/addresses" }
                  }
                }
              }
            },
            "vaultPath": { "type": "string", "maxLength": 512, "pattern": "^[A-Za-z0-9._-]+(?:/[A-Za-z0-9._-]+)*$" },
            "servers": { "type": "object", "propertyNames": { "$ref": "#/$defs/name" }, "additionalProperties": { "$ref": "#/$defs/server" } },
            "server": {
              "type": "object",
              "if": { "required": ["url"] },
              "then": {
                "additionalProperties": false,
                "properties": {
                  "url": { "$ref": "#/$defs/text" },
                  "credential": { "$ref": "#/$defs/text", "description": "The secret that is sent as a bearer token." },
                  "ca": { "$ref": "#/$defs/text" },
                  "addresses": { "$ref": "#/$defs/addresses" },
                  "http2": { "type": "boolean", "description": "Whether HTTP/2 is offered to an https server; it is unless false is written." },
                  "root": { "$ref": "#/$defs/absolute" },
                  "call_timeout": { "$ref": "#/$defs/time" },
                  "start_timeout": { "$ref": "#/$defs/time" },
                  "idle_timeout": { "$ref": "#/$defs/time" },
                  "revision": { "$ref": "#/$defs/revision" },
                  "elicitation": { "$ref": "#/$defs/elicitation" },
                  "sampling": { "$ref": "#/$defs/sampling" },
                  "roots": { "$ref": "#/$defs/roots" }
                }
              },
              "else": {
                "required": ["command"],
                "additionalProperties": false,
                "properties": {
                  "command": { "type": "array", "minItems": 1, "items": { "allOf": [{ "$ref": "#/$defs/text" }, { "minLength": 1 }] } },
                  "env": {
                    "type": "object",
                    "propertyNames": { "pattern": "^[A-Za-z0-9_]{1,128}$" },
                    "additionalProperties": {
                      "anyOf": [
                        { "$ref": "#/$defs/text" },
                        { "type": "object", "required": ["secret"], "additionalProperties": false, "properties": { "secret": { "$ref": "#/$defs/text" }, "expose": { "type": "boolean", "description": "Hand the value itself over; the server can leak it." } } }
                      ]
                    }
                  },
                  "folder": { "$ref": "#/$defs/text" },
                  "secrets": { "type": "array", "maxItems": 32, "items": { "$ref": "#/$defs/use" } },
                  "cage": { "$ref": "#/$defs/cage" },
                  "health": { "$ref": "#/$defs/health" },
                  "root": { "$ref": "#/$defs/absolute" },
                  "call_timeout": { "$ref": "#/$defs/time" },
                  "start_timeout": { "$ref": "#/$defs/time" },
                  "idle_timeout": { "$ref": "#/$defs/time" },
                  "revision": { "$ref": "#/$defs/revision" },
                  "elicitation": { "$ref": "#/$defs/elicitation" },
                  "sampling": { "$ref": "#/$defs/sampling" },
                  "roots": { "$ref": "#/$defs/roots" }
                }
              }
            },
            "addresses": { "type": "array", "minItems": 1, "maxItems": 32, "items": { "type": "string", "pattern": "^[0-9a-fA-F:.]+(?:/[0-9]{1,3})?$" }, "description": "The addresses the name may have; they need not be public." },
            "absolute": { "type": "string", "pattern": "^/[^\\u0000]*$" },
            "elicitation": { "type": "array", "items": { "enum": ["form", "url"] }, "description": "How the server may ask the person behind an agent." },
            "sampling": { "type": "object", "additionalProperties": false, "properties": { "max_tokens": { "type": "integer", "minimum": 1, "maximum": 1000000 }, "tools": { "type": "boolean" } }, "description": "Lets the server ask the model behind an agent, and give it tools of its own." },
            "roots": {
              "anyOf": [
                { "const": "agent" },
                { "type": "array", "minItems": 1, "maxItems": 64, "items": { "$ref": "#/$defs/absolute" } }
              ],
              "description": "Whether the server may ask the agent for its folders, or which ones it is told."
            },
            "health": {
              "anyOf": [
                { "const": "none" },
                { "type": "object", "additionalProperties": false, "properties": { "every": { "$ref": "#/$defs/time" }, "timeout": { "$ref": "#/$defs/time" } } }
              ],
              "description": "How often the server is asked whether it still answers, and how long it has to."
            },
            "revision": { "enum": ["2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25", "2026-07-28"] },
            "cage": {
              "anyOf": [
                { "const": "none" },
                {
                  "type": "object",
                  "additionalProperties": false,
                  "properties": {
                    "read": { "$ref": "#/$defs/folders" },
                    "write": { "$ref": "#/$defs/folders" },
                    "hide": { "$ref": "#/$defs/denyPaths", "description": "What of these folders is not there for this server, beside deny_paths." },
                    "code": { "type": "array", "items": { "type": "string" } },
                    "network": { "anyOf": [{ "enum": ["none", "host"] }, { "$ref": "#/$defs/egress" }] },
                    "tmp": { "type": "integer", "minimum": 1, "maximum": 16384, "description": "Size of /tmp in MiB." },
                    "memory": { "type": "integer", "minimum": 16, "maximum": 1048576, "description": "Memory of the whole tree in MiB." },
                    "cpu": { "type": "number", "minimum": 0.01, "maximum": 1024, "description": "Processors the whole tree may use." },
                    "processes": { "type": "integer", "minimum": 2, "maximum": 4096 },
                    "files": { "type": "integer", "minimum": 16, "maximum": 65536, "description": "Open descriptors of each process." },
                    "file_size": { "type": "integer", "minimum": 1, "maximum": 1048576, "description": "Size of a file it writes in MiB." },
                    "seccomp": { "enum": ["standard", "strict"] },
                    "minimum": { "type": "array", "items": { "enum": ["namespaces", "mounts", "no-new-privs", "seccomp", "rlimits", "own-uid", "landlock", "cgroup", "overlay"] } }
                  }
                }
              ]
            },
            "use": {
              "type": "object",
              "required": ["secret", "host"],
              "additionalProperties": false,
              "description": "Where a secret goes out that the server does not hold.",
              "properties": {
                "secret": { "$ref": "#/$defs/text" },
                "host": { "$ref": "#/$defs/place" },
                "header": { "type": "string", "pattern": "^[!#$%&'*+.^_`|~0-9A-Za-z-]+$", "description": "Authorization unless it is written." },
                "in": { "enum": ["header", "query", "body"], "description": "Where in a request; in a header unless it is written." },
                "name": { "type": "string", "minLength": 1, "maxLength": 256, "description": "With `in: query` the parameter; with `in: body` the form's field, or the JSON pointer of a string." },
                "value": { "type": "string", "pattern": "\\{secret\\}", "description": "The whole value; of a header `Bearer {secret}`, of all else `{secret}` unless it is written." },
                "basic": { "type": "string", "pattern": "^[^:]*$", "description": "A user: the value is Basic with the secret as password." },
                "methods": { "type": "array", "minItems": 1, "items": { "enum": ["DELETE", "GET", "OPTIONS", "PATCH", "POST", "PUT"] } },
                "ca": { "$ref": "#/$defs/text", "description": "File of the authorities to trust there instead of the machine's." }
              },
              "if": { "properties": { "in": { "enum": ["query", "body"] } }, "required": ["in"] },
              "then": { "required": ["name"], "properties": { "header": false, "basic": false } },
              "else": { "properties": { "name": false } },
              "not": { "required": ["value", "basic"] }
            },
            "egress": {
              "type": "object",
              "additionalProperties": false,
              "description": "A way out to what is named, through the gateway; everything else is refused.",
              "properties": {
                "allow": {
                  "type": "array",
                  "maxItems": 256,
                  "items": {
                    "anyOf": [
                      { "$ref": "#/$defs/place" },
                      {
                        "type": "object",
                        "required": ["host"],
                        "additionalProperties": false,
                        "properties": {
                          "host": { "$ref": "#/$defs/place" },
                          "addresses": { "$ref": "#/$defs/addresses" },
                          "methods": { "type": "array", "minItems": 1, "uniqueItems": true, "items": { "enum": ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"] }, "description": "Requests it takes; the gateway ends its TLS to see them." },
                          "paths": { "type": "array", "minItems": 1, "maxItems": 64, "items": { "type": "string", "pattern": "^/" }, "description": "Paths it takes: /v1/items, /repos/*/issues (one segment), /v1/** (all below)." },
                          "ca": { "$ref": "#/$defs/text", "description": "File of the authorities the host is held against where its TLS is ended." }
                        }
                      }
                    ]
                  }
                },
                "unknown": { "enum": ["refuse", "ask"], "description": "What becomes of a connection to a place that is not named; it is shown by `gatehouse egress list` either way." },
                "budget": {
                  "type": "object",
                  "additionalProperties": false,
                  "properties": {
                    "connections": { "type": "integer", "minimum": 1, "maximum": 1024, "description": "Open at once." },
                    "per_minute": { "type": "integer", "minimum": 1, "maximum": 100000, "description": "New connections in a minute." },
                    "hosts_per_minute": { "type": "integer", "minimum": 1, "maximum": 10000, "description": "Different hosts in a minute." },
                    "sent_per_hour": { "type": "integer", "minimum": 1, "maximum": 1099511627776, "description": "Bytes sent in an hour." }
                  }
                }
              }
            },
            "place": { "type": "string", "minLength": 1, "maxLength": 300, "pattern": "^(?:\\*\\.)?[A-Za-z0-9._-]+(?::[0-9]{1,5})?$|^\\[[0-9a-fA-F:.]+\\](?::[0-9]{1,5})?$", "description": "NAME, *.NAME or an address, with a port; 443 when there is none." },
            "folders": { "type": "object", "propertyNames": { "pattern": "^(?:/[^/]+)+$" }, "additionalProperties": { "$ref": "#/$defs/text" } },
            "tools": { "type": "object", "maxProperties": 10000, "propertyNames": { "pattern": "^[a-z0-9][a-z0-9_-]*\\..+$" }, "additionalProperties": { "$ref": "#/$defs/tool" } },
            "tool": {
              "type": "object",
              "additionalProperties": false,
              "properties": {
                "tier": { "enum": ["T0", "T1", "T2", "T3"] },
                "scope": { "$ref": "#/$defs/constraints" },
                "open": { "type": "boolean" },
                "result": { "enum": ["own", "untrusted", "directory"] },
                "undo": { "enum": ["easy", "never"] },
                "ask": { "enum": ["always"] }
              },
              "if": { "required": ["scope"] },
              "then": { "required": ["tier"], "properties": { "tier": { "const": "T1" } } }
            },
            "rules": { "type": "array", "maxItems": 1000, "items": { "$ref": "#/$defs/rule" } },
            "rule": {
              "type": "object",
              "required": ["name", "tools", "then"],
              "additionalProperties": false,
              "properties": {
                "name": { "$ref": "#/$defs/line", "maxLength": 120 },
                "tools": { "$ref": "#/$defs/patterns" },
                "args": { "$ref": "#/$defs/constraints" },
                "then": { "enum": ["allow", "ask", "ask-two", "refuse"] },
                "why": { "$ref": "#/$defs/line", "maxLength": 500 }
              },
              "if": { "properties": { "then": { "const": "allow" } }, "required": ["then"] },
              "then": { "required": ["args"], "properties": { "tools": { "items": { "pattern": "^[^*?]+$" } } } }
            },
            "line": { "type": "string", "minLength": 1, "pattern": "^[^\\u0000-\\u001f\\u007f]+$" },
            "patterns": {
              "type": "array",
              "minItems": 1,
              "maxItems": 200,
              "uniqueItems": true,
              "items": { "type": "string", "pattern": "^(?:\\*|[^.\\[\\]{}!\\\\\\u0000-\\u001f\\u007f]+\\.[^\\[\\]{}!\\\\\\u0000-\\u001f\\u007f]+)$" }
            },
            "limits": { "type": "array", "maxItems": 200, "items": { "$ref": "#/$defs/limit" } },
            "limit": {
              "type": "object",
              "required": ["per"],
              "additionalProperties": false,
              "properties": {
                "per": { "enum": ["agent", "agent+server", "agent+tool", "tenant", "tenant+server", "tenant+tool"] },
                "tools": { "$ref": "#/$defs/patterns" },
                "args": { "$ref": "#/$defs/constraints" },
                "calls": { "$ref": "#/$defs/rate" },
                "identical": { "$ref": "#/$defs/rate" },
                "concurrent": { "type": "integer", "minimum": 1, "maximum": 100000 }
              },
              "anyOf": [{ "required": ["calls"] }, { "required": ["identical"] }, { "required": ["concurrent"] }]
            },
            "rate": { "type": "string", "pattern": "^[1-9][0-9]{0,9}/(?:s|min|h|d)$" },
            "denyPaths": { "type": "array", "maxItems": 200, "items": { "type": "string", "minLength": 1, "maxLength": 1024, "pattern": "^[^!\\[\\]\\\\][^\\[\\]\\\\]*$" } },
            "constraints": {
              "type": "object",
              "minProperties": 1,
              "maxProperties": 64,
              "description": "JSON Pointers of arguments, each with what must hold for it.",
              "propertyNames": { "pattern": "^(?:/(?:[^~]|~[01])*)+$" },
              "additionalProperties": { "$ref": "#/$defs/constraint" }
            },
            "constraint": {
              "type": "object",
              "minProperties": 1,
              "additionalProperties": false,
              "properties": {
                "equals": { "$ref": "#/$defs/scalar" },
                "one_of": { "type": "array", "minItems": 1, "maxItems": 200, "uniqueItems": true, "items": { "$ref": "#/$defs/scalar" } },
                "glob": { "type": "string", "minLength": 1 },
                "host": { "type": "string", "minLength": 1 },
                "pattern": { "type": "string", "minLength": 1, "maxLength": 1024 },
                "min": { "type": "number" },
                "max": { "type": "number" },
                "maxLength": { "type": "integer", "minimum": 0, "maximum": 1048576 },
                "absent": { "const": true },
                "any_of": { "type": "array", "minItems": 1, "maxItems": 64, "items": { "allOf": [{ "$ref": "#/$defs/constraint" }, { "properties": { "any_of": false } }] } }
              }
            },
            "scalar": { "type": ["string", "number", "boolean", "null"] },
            "clientFile": {
              "type": "object",
              "description": "A client's file as it is; every default is closed, and values in `env` are secrets.",
              "properties": {
                "mcpServers": {
                  "type": "object",
                  "additionalProperties": {
                    "type": "object",
                    "anyOf": [{ "required": ["command"] }, { "required": ["url"] }],
                    "properties": {
                      "command": { "type": "string" },
                      "args": { "type": "array", "items": { "type": "string" } },
                      "env": { "type": "object", "additionalProperties": { "type": "string" } },
                      "cwd": { "type": "string" },
                      "url": { "type": "string" },
                      "headers": { "type": "object", "propertyNames": { "pattern": "^[Aa]uthorization$" }, "additionalProperties": { "type": "string", "pattern": "^Bearer " } }
                    }
                  }
                }
              }
            }
          }
        }
        """#
}

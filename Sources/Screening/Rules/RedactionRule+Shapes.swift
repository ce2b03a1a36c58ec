extension RedactionRule {
    /// Secrets known by their shape: keys, signed tokens, headers, addresses.
    static let shapes: [RedactionRule] = [
        RedactionRule(
            "private-key",
            "Private key in PEM, OpenSSH or PGP armour",
            keywords: ["PRIVATE KEY"],
            pattern: "-----BEGIN[ A-Z0-9_-]{0,60}PRIVATE KEY(?: BLOCK)?-----"
                + "|-----END[ A-Z0-9_-]{0,60}PRIVATE KEY(?: BLOCK)?-----",
            check: .keyBlock,
            needsBoundary: false,
            reason: "RFC 7468; encrypted ones, too: a passphrase can be guessed at leisure"
        ),
        RedactionRule(
            "private-key-base64",
            "Private key in PEM armour, encoded once more",
            keywords: ["LS0tLS1CRUdJTi"],
            pattern: "LS0tLS1CRUdJTiB(?:QUklWQVRF|SU0EgUFJJ|FQyBQUklW|PUEVOU1NI|QR1AgUFJJ"
                + "|FTkNSWVBURUQg|EU0EgUFJJ)[A-Za-z0-9+/_=-]*(?:[\\s\\\\n]{1,3}[A-Za-z0-9+/_=-]{40,})*",
            check: .none,
            needsBoundary: false,
            reason: "as Kubernetes secrets and CI variables hold keys; certificates do not match"
        ),
        RedactionRule(
            "private-key-der",
            "Private key in DER, Base64",
            keywords: [
                "IBA", "MHcCAQEE", "MIGHAgEAMBMG", "MIGkAgEBBD", "MC4CAQAwBQYDK2V",
                "b3BlbnNzaC1rZXktdj",
            ],
            pattern:
                "(?:MII[A-Za-z0-9+/]{2}[AQgw]IBA|MHcCAQEE|MIGHAgEAMBMG|MIGkAgEBBD|MC4CAQAwBQYDK2V"
                + "|b3BlbnNzaC1rZXktdj)[A-Za-z0-9+/]{20,}={0,2}"
                + "(?:(?:\\\\n|\\s){1,2}[A-Za-z0-9+/]{40,}={0,2})*",
            check: .none,
            reason:
                "the first bytes of RFC 8017, 5915, 5208 and 8410 keys and of OpenSSH's, without armour"
        ),
        RedactionRule(
            "putty-key",
            "PuTTY private key",
            keywords: ["Private-Lines:"],
            pattern: "Private-Lines: [0-9]{1,3}[\\r\\n]+((?:[A-Za-z0-9+/=]{4,64}[\\r\\n]*)+)",
            check: .none,
            reason: "the format's own name for the secret part"
        ),
        RedactionRule(
            "jwk-private",
            "JSON Web Key with its private member",
            keywords: ["kty"],
            pattern:
                "[\"']?\\bkty[\"']?\\s{0,4}:[^{}]{0,900}?[\"'\\n,]d[\"']?\\s{0,4}:\\s{0,4}[\"']?"
                + "([A-Za-z0-9_-]{20,})"
                + "|[\"'\\n,]d[\"']?\\s{0,4}:\\s{0,4}[\"']?([A-Za-z0-9_-]{20,})[^{}]{0,900}?\\bkty",
            reason: "RFC 7517: `d` is the private part"
        ),
        RedactionRule(
            "json-web-token",
            "Signed or encrypted JSON Web Token",
            keywords: ["eyJ"],
            pattern: "eyJ[A-Za-z0-9_-]{8,}={0,2}(?:\\.[A-Za-z0-9_-]{2,}={0,2}){1,4}",
            entropy: 3.2,
            reason: "RFC 7519; whoever holds it is the one it names"
        ),
        RedactionRule(
            "json-web-token-base64",
            "JSON Web Token, encoded once more",
            keywords: ["ZXlK"],
            pattern: "ZXlK[A-Za-z0-9+/_-]{40,}={0,2}",
            entropy: 4,
            reason: "as Kubernetes secrets hold them"
        ),
        RedactionRule(
            "configuration-entry",
            "Secret in an `add key` element",
            keywords: ["<add key="],
            pattern:
                "<add[ ]+key=\"[^\"]{0,40}(?i:password|pwd|secret|token|key)[^\"]{0,40}\"\\s{1,4}"
                + "value=\"([^\"]{4,})\"",
            check: .chosen,
            reason: "NuGet and .NET configuration: name and value are two attributes"
        ),
        RedactionRule(
            "basic-credentials",
            "Basic credentials of HTTP",
            keywords: ["basic "],
            pattern: "(?i:basic)[ \\t]+[\"']?([A-Za-z0-9+/_-]{6,400}={0,2})",
            check: .basicCredentials,
            reason: "RFC 7617; Base64 of user and password, checked by decoding"
        ),
        RedactionRule(
            "bearer-token",
            "Bearer token of HTTP",
            keywords: ["bearer"],
            pattern: "(?i:bearer)[\"']?[ \\t:=,]{1,4}[\"']?([A-Za-z0-9_.~+/-]{16,}=*)",
            entropy: 3,
            needsBoundary: false,
            reason: "RFC 6750"
        ),
        RedactionRule(
            "url-credentials",
            "Password in an address",
            keywords: ["://"],
            pattern: "://[^\\s/?#\"'<>`]{0,120}?:([^\\s/?#\"'<>`@]{3,256})@[A-Za-z0-9\\[%_$.-]",
            check: .chosen,
            needsBoundary: false,
            reach: .beside,
            reason: "RFC 3986 3.2.1; databases and proxies are addressed like this"
        ),
        RedactionRule(
            "connection-string-password",
            "Password in a connection string",
            keywords: ["Pwd=", "Password="],
            pattern: "(?i:;[ ]?(?:pwd|password)[ ]?=[ ]?)([^;\"'\\s]{4,256})",
            check: .chosen,
            needsBoundary: false,
            reason: "ODBC and ADO: keys and values between semicolons"
        ),
        RedactionRule(
            "sql-password",
            "Password in a statement that makes or alters a user",
            keywords: ["IDENTIFIED BY", "WITH PASSWORD", "SET PASSWORD"],
            pattern: "(?i:identified[ ]+(?:with[ ]+[\\w]+[ ]+)?by(?:[ ]+(?:password|values))?"
                + "|with[ ]+(?:encrypted[ ]+)?password|set[ ]+password[^=\\n]{0,60}=)"
                + "[ ]*(?i:password[ ]?\\()?(?:[\"'`]([^\\s\"'`]{4,256})[\"'`]|([^\\s\"'`;%]{4,256});)",
            check: .chosen,
            reason: "MySQL, Oracle and PostgreSQL"
        ),
        RedactionRule(
            "netrc-password",
            "Password in .netrc or .pgpass",
            keywords: ["machine "],
            pattern:
                "machine\\s{1,4}\\S{1,200}\\s{1,4}login\\s{1,4}\\S{1,200}\\s{1,4}password\\s{1,4}"
                + "(\\S{3,256})",
            check: .none,
            reason: "the format is its own announcement"
        ),
        RedactionRule(
            "command-line-user",
            "User and password on a command line",
            keywords: ["curl", "USERPWD", "sshpass"],
            pattern: "(?i)\\bcurl\\b[^\\n|;]{0,400}?[ ](?:-u|--user|--proxy-user)[ =]?[\"']?"
                + "([^\\s\"':]{0,80}:[^\\s\"']{3,200})"
                + "|CURLOPT_(?:PROXY)?USERPWD[\"']?[ ]*,[ ]*[\"']([^\"'\\n]{3,200})[\"']"
                + "|\\bsshpass[ ]+-p[ ]?[\"']?([^\\s\"']{3,200})",
            check: .chosen,
            reason: "the tools' own options for credentials"
        ),
        RedactionRule(
            "secure-string",
            "Plain text made a PowerShell SecureString",
            keywords: ["ConvertTo-SecureString"],
            pattern:
                "(?i)ConvertTo-SecureString(?:[ ]+-[a-z]+)*[ ]+\\\\?[\"']?([^\\s\"'\\\\$(-][^\\s\"'\\\\]{4,200})",
            check: .chosen,
            reason: "the command takes the password itself"
        ),
    ]
}

extension RedactionRule {
    /// The built-in rules.
    package static let builtIn: [RedactionRule] =
        cloudKeys + forgeTokens + serviceTokens + shapes + assignments

    /// How people write and miswrite the word.
    private static let passwordWords = [
        "password", "passwd", "passwor", "passwrd", "passphrase", "passcode", "passwort", "pswd",
        "psswd", "pswrd", "psword", "psswrd", "pssword", "paswd", "paswrd", "pasword", "pwd",
        "contraseña", "contrasena", "mot_de_passe", "kennwort", "senha",
    ]
    private static let shortPasswordWords = ["pass", "pw"]
    private static let secretWords = [
        "secret", "token", "credential", "apikey", "api_key", "api-key", "api key", "accesskey",
        "access_key", "access-key", "access key", "privatekey", "private_key", "private-key",
        "encryption_key", "encryptionkey", "encryption-key", "signing_key", "signingkey",
        "signing-key", "auth_key", "authkey", "auth-key", "auth key", "authentication key",
        "account_key", "accountkey", "master_key", "masterkey", "shared_key", "sharedkey",
        "license_key", "licensekey", "service_key", "oauth", "authorization", "client_srt",
        "nonce", "pkey", "private_token", "session_key", "sessionkey", "cookie_key", "x-api",
    ]

    private static func alternatives(_ words: [String]) -> String { words.joined(separator: "|") }

    /// A name up to and with what separates it from its value; the value is read by `ValueParser`.
    ///
    /// A comma, `or` and their like count only before a value in quotes.
    private static func assigned(_ names: String) -> String {
        "(?i)(?:" + names
            + ")[\\w.\\- ]{0,24}?(?:\\\\{0,3}[\"'`]|&quot;|&#34;|%22|[)\\]]){0,2}[ \\t]{0,4}"
            + "(?::=|=>|===|!==|==|!=|=|>|%3D|:[ \\t]{0,3}[A-Za-z][\\w.<>?\\[\\]]{0,24}[ \\t]{0,3}=|:"
            + "|,|\\|\\||\\?\\?|\\bor\\b)"
    }

    /// A name and blanks: what is left of an option or a definition.
    private static func spaced(_ names: String) -> String {
        "(?i)(?:" + names + ")[\\w.\\-]{0,20}(?:[ \\t]|\\\\t){1,4}"
    }

    static let assignments: [RedactionRule] = [
        RedactionRule(
            "password",
            "Value of something called a password",
            keywords: passwordWords + ["pass:", "pass=", "pass\"", "pass'", "pass ", "pass>"]
                + ["pw:", "pw=", "pw\"", "pw'", "pw ", "pw>"],
            pattern: assigned(alternatives(passwordWords + shortPasswordWords)),
            check: .assigned,
            needsBoundary: false,
            reach: .beside,
            reason: "the name tells; the value must look chosen, not like a word or an expression"
        ),
        RedactionRule(
            "password-option",
            "Password given as an option or a definition",
            keywords: passwordWords + ["pass "],
            pattern: spaced(alternatives(passwordWords + shortPasswordWords)),
            check: .option,
            needsBoundary: false,
            reach: .beside,
            reason: "`--password x`, `#define PASSWORD x`: a blank is enough where the name leads"
        ),
        RedactionRule(
            "assigned-secret",
            "Value of something called a secret, token or key",
            keywords: secretWords,
            pattern: assigned(alternatives(secretWords)),
            check: .assigned,
            needsBoundary: false,
            reach: .beside,
            reason: "the name tells; the value must look random, for tokens count and page, too"
        ),
        RedactionRule(
            "secret-option",
            "Secret given as an option or a definition",
            keywords: secretWords + ["bearer "],
            pattern: spaced(alternatives(secretWords + ["bearer"])),
            check: .option,
            needsBoundary: false,
            reach: .beside,
            reason: "as for passwords"
        ),
        RedactionRule(
            "assigned-key",
            "Random value of something called a key",
            keywords: [
                "key:", "key=", "key\"", "key'", "_key ", "key%3D", "_api ", "_api=", "_api:",
            ]
                + ["bearer", "auth:", "auth=", "auth\"", "_auth "],
            pattern: assigned("key|_api|auth|bearer"),
            check: .assigned,
            needsBoundary: false,
            reach: .beside,
            reason: "most keys are names; only long random values are taken"
        ),
        RedactionRule(
            "service-secret",
            "Random value beside the name of a service",
            keywords: services,
            pattern: "(?i)(?:" + alternatives(services)
                + ")[\\w.\\- \\t]{0,24}?[\"'`\\s]{0,3}(?:=>|:{1,3}=|\\|\\||\\?=|={1,3}|>|:|,)"
                + "[\"'`\\s=]{0,5}([A-Za-z0-9_.=+/:~-]{15,})",
            entropy: 2.9,
            check: .randomBesideName,
            needsBoundary: false,
            reach: .beside,
            reason: "issuers whose keys have no prefix: hexadecimal or Base64 of a known length"
        ),
    ]

    private static let services = [
        "adafruit", "adobe", "airtable", "algolia", "alibaba", "artifactory", "asana", "atlassian",
        "beamer", "bintray", "bitbucket", "bittrex", "cloudflare", "codecov", "cohere", "coinbase",
        "confluent", "contentful", "datadog", "discord", "dnkey", "droneci", "dropbox", "etsy",
        "facebook", "fastly", "finicity", "finnhub", "flickr", "freshbooks", "gitter",
        "gocardless", "heroku", "hubspot", "intercom", "jfrog", "jira", "confluence", "kraken",
        "kucoin", "launchdarkly", "linkedin", "linked_in", "looker", "mailchimp", "mailgun",
        "mapbox", "mattermost", "meraki", "messagebird", "message_bird", "message-bird", "netlify",
        "new-relic", "new_relic", "newrelic", "nytimes", "okta", "onelogin", "openai", "paypal",
        "plaid", "privateai", "private_ai", "rapidapi", "sendbird", "sendgrid", "sentry", "shodan",
        "snyk", "sonar", "sourcegraph", "spotify", "squarespace", "sumo", "telegr", "travis",
        "twilio", "twitch", "twitter", "typeform", "yandex", "zendesk", "zoom", "trello",
        "steam", "auth0", "pagerduty", "opsgenie", "splunk", "elastic", "mixpanel", "segment",
        "amplitude", "vercel", "linode", "vultr", "hetzner", "ovh", "scaleway", "contribsys",
    ]
}

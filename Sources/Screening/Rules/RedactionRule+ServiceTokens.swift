extension RedactionRule {
    /// Tokens of code hosts, registries and what builds from them.
    static let forgeTokens: [RedactionRule] = [
        prefixed(
            "github-token",
            "GitHub token",
            ["ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat_"],
            "gh[pousr]_[A-Za-z0-9_.=-]{30,}|github_pat_[A-Za-z0-9_]{30,}"
        ),
        prefixed(
            "gitlab-token",
            "GitLab token, of a user, runner, job, agent, feed or deployment",
            [
                "glpat-", "gloas-", "gldt-", "glrt-", "glrtr-", "glcbt-", "glptt-", "glft-",
                "glimt-", "glagent-", "glsoat-", "glffct-", "glwt-", "GR1348941", "_gitlab_session",
            ],
            "gl(?:pat|oas|dt|rt|rtr|cbt|ptt|ft|imt|agent|soat|ffct|wt)-[A-Za-z0-9_.-]{16,}"
                + "|GR1348941[A-Za-z0-9_-]{16,}|_gitlab_session=([A-Za-z0-9]{20,})"
        ),
        prefixed(
            "atlassian-token",
            "Atlassian or Bitbucket token",
            ["ATATT3", "ATCTT3", "ATBB", "ATSTT3"],
            "AT(?:ATT|CTT|STT)3[A-Za-z0-9_\\\\%=-]{40,}|ATBB[A-Za-z0-9]{24,}"
        ),
        prefixed(
            "package-registry-token",
            "Token of npm, PyPI, RubyGems, NuGet, crates.io or Clojars",
            ["npm_", "pypi-", "rubygems_", "oy2", "cio", "CLOJARS_"],
            "npm_[A-Za-z0-9]{30,}|pypi-[A-Za-z0-9_-]{50,}|rubygems_[a-f0-9]{40,}"
                + "|oy2[a-z0-9]{43}\\b|cio[A-Za-z0-9]{32}\\b|CLOJARS_[A-Za-z0-9]{50,}"
        ),
        prefixed(
            "artifactory-token",
            "JFrog key or reference token",
            ["AKCp", "cmVmdGtu"],
            "AKCp[A-Za-z0-9]{40,}|cmVmdGtu[A-Za-z0-9]{40,}"
        ),
        prefixed(
            "harness-token",
            "Harness token",
            ["pat.", "sat."],
            "[ps]at\\.[A-Za-z0-9_-]{22}\\.[A-Za-z0-9]{24}\\.[A-Za-z0-9]{20}"
        ),
        prefixed(
            "build-service-token",
            "Token of a build, quality or deployment service",
            [
                "squ_", "sqp_", "sqa_", "nfp_", "nfc_", "nfo_", "dp.pt.", "dp.st.", "dp.ct.",
                "pnu_", "bkua_", "CCIPAT_", "CCIPRJ_", "sgp_", "ico-", "PMAK-", "PMAT-", "cosmo_",
                "vcp_", "vca_", "API-", "rnd_", "ATRK", "s-s4t2",
            ],
            "sq[upa]_[a-f0-9]{40}|nf[pcou]_[A-Za-z0-9]{30,}|dp\\.[a-z]{2,6}\\.[A-Za-z0-9.]{40,}"
                + "|pnu_[A-Za-z0-9]{36}|bkua_[a-z0-9]{40}|CCIP(?:AT|RJ)_[A-Za-z0-9_-]{40,}"
                + "|sgp_[A-Za-z0-9_]{40,}|ico-[A-Za-z0-9]{32}|PMA[KT]-[A-Za-z0-9-]{26,}"
                + "|cosmo_[a-f0-9]{32}|vc[pcark]_[A-Za-z0-9]{24,}|API-[A-Z0-9]{25,32}"
                + "|rnd_[A-Za-z0-9]{28,}|s-s4t2(?:ud|af)-[a-f0-9]{64}"
        ),
        prefixed(
            "monitoring-token",
            "Token of Grafana, Sentry, New Relic, PostHog, Honeycomb or LaunchDarkly",
            [
                "glc_", "glsa_", "eyJrIjoi", "sntrys_", "sntryu_", "sntrya_", "NRAK-", "NRII-",
                "NRRA-", "NRJS-", "phc_", "phs_", "phr_", "pha_", "phx_", "hcaik_", "sdk-", "mob-",
                "api-", "lin_api_", "lin_oauth_",
            ],
            "glc_[A-Za-z0-9+/_-]{30,}={0,2}|glsa_[A-Za-z0-9]{32}_[A-Fa-f0-9]{8}"
                + "|eyJrIjoi[A-Za-z0-9+/_-]{40,}={0,2}|sntrys_[A-Za-z0-9+/=_-]{30,}"
                + "|sntry[ua]_[a-f0-9]{64}|NR(?:AK|II|RA|JS|IQ|AL)-[A-Za-z0-9_-]{19,}"
                + "|ph[csrax]_[A-Za-z0-9]{40,}|hcaik_[a-z0-9]{50,}"
                + "|(?:sdk|mob|api)-[a-f0-9]{8}-[a-f0-9]{4}-[a-f0-9]{4}-[a-f0-9]{4}-[a-f0-9]{12}"
                + "|lin_(?:api|oauth)_[A-Za-z0-9]{30,}"
        ),
    ]

    /// Tokens of model services, messengers, shops and offices.
    static let serviceTokens: [RedactionRule] = [
        prefixed(
            "model-service-key",
            "Key of a service that runs models",
            [
                "sk-", "hf_", "api_org_", "gsk_", "xai-", "pplx-", "r8_", "tvly-", "nvapi-", "fw_",
                "pcsk_", "esecret_", "lsv2_", "csk-", "fc-", "ops_eyJ", "jina_",
            ],
            "sk-(?:ant-|proj-|svcacct-|admin-|or-v1-|lf-)?[A-Za-z0-9_-]{20,}"
                + "|(?:hf|api_org)_[A-Za-z0-9]{30,}|gsk_[A-Za-z0-9]{30,}|xai-[A-Za-z0-9]{60,}"
                + "|pplx-[A-Za-z0-9]{40,}|r8_[A-Za-z0-9]{36,}|tvly-[A-Za-z0-9-]{28,}"
                + "|nvapi-[A-Za-z0-9_-]{50,}|fw_[A-Za-z0-9]{22,}|pcsk_[A-Za-z0-9_]{40,}"
                + "|esecret_[a-z0-9]{30,}|lsv2_(?:pt|sk)_[a-f0-9]{32}_[a-f0-9]{8,}"
                + "|csk-[a-z0-9]{40,}|fc-[a-f0-9]{32}"
                + "|ops_eyJ[A-Za-z0-9_=+/-]{100,}|jina_[A-Za-z0-9_-]{40,}",
            entropy: 3.3
        ),
        prefixed(
            "slack-token",
            "Slack token",
            ["xox", "xapp-"],
            "(?:xoxe\\.)?xox[abceoprsd]-[A-Za-z0-9-]{10,}|xapp-[0-9]-[A-Za-z0-9-]{20,}",
            entropy: 2.5
        ),
        prefixed(
            "webhook-address",
            "Address of a webhook, which is its own credential",
            [
                "hooks.slack.com", "discord.com/api/webhooks", "discordapp.com/api/webhooks",
                "webhook.office.com", "hooks.zapier.com",
            ],
            "hooks\\.slack\\.com/(?:services|workflows|triggers)/([A-Za-z0-9_/+-]{30,})"
                + "|discord(?:app)?\\.com/api/webhooks/([0-9]{15,}/[A-Za-z0-9_-]{40,})"
                + "|webhook\\.office\\.com/webhookb2/([A-Za-z0-9@/_-]{60,})"
                + "|hooks\\.zapier\\.com/hooks/catch/([A-Za-z0-9/]{10,})",
            entropy: 2.5
        ),
        prefixed(
            "bot-token",
            "Token of a Telegram bot",
            [":AA"],
            "[0-9]{8,10}:AA[A-Za-z0-9_-]{32,34}",
            entropy: 3.5
        ),
        prefixed(
            "payment-key",
            "Key of a payment service",
            [
                "sk_live", "sk_test", "rk_live", "rk_test", "sk_prod", "rk_prod", "whsec_",
                "sq0atp-", "sq0csp-", "sq0idp-", "EAAA", "access_token$", "FLWSECK", "FLWPUBK",
                "duffel_", "EZAK", "EZTK", "shippo_", "key_live", "key_test",
            ],
            "(?:sk|rk|key)_(?:live|test|prod)_[A-Za-z0-9]{10,}|whsec_[A-Za-z0-9+/=]{20,}"
                + "|sq0(?:atp|csp|idp)-[A-Za-z0-9_-]{20,}|EAAA[A-Za-z0-9_-]{22,}"
                + "|access_token\\$(?:production|sandbox)\\$[a-z0-9]{10,}\\$[a-f0-9]{20,}"
                + "|FLW(?:SECK|PUBK)(?:_TEST)?-[A-Za-z0-9]{12,}(?:-X)?"
                + "|duffel_(?:test|live)_[A-Za-z0-9_=-]{30,}|EZ[AT]K[A-Za-z0-9]{50,}"
                + "|shippo_(?:live|test)_[a-fA-F0-9]{40}",
            entropy: 2.5
        ),
        prefixed(
            "shop-token",
            "Shopify token",
            ["shpat_", "shpca_", "shppa_", "shpss_", "shptka_"],
            "shp(?:at|ca|pa|ss|tka)_[a-fA-F0-9]{24,}"
        ),
        prefixed(
            "mail-service-key",
            "Key of a service that sends mail or messages",
            ["SG.", "xkeysib-", "xsmtpsib-", "-us", "mlsn.", "pubkey-"],
            "SG\\.[A-Za-z0-9_=.-]{50,}|x(?:key|smtp)sib-[a-f0-9]{64}-[A-Za-z0-9]{16}"
                + "|[a-f0-9]{32}-us[0-9]{1,2}\\b|mlsn\\.[a-f0-9]{60,}|pubkey-[a-f0-9]{32}"
        ),
        prefixed(
            "social-token",
            "Token of Facebook, Instagram, X or LinkedIn",
            ["EAA", "IGQ", "AAAAAAAAAAAAA", "WPL_AP", "AQX", "IGAA"],
            "EAA[A-Za-z0-9]{60,}|IG(?:QV|QW|AA)[A-Za-z0-9_-]{60,}|A{20,22}[A-Za-z0-9%]{50,}"
                + "|WPL_AP[01]\\.[A-Za-z0-9+/=.]{10,}|AQ[XVW][A-Za-z0-9_-]{100,}",
            entropy: 3.5
        ),
        prefixed(
            "gatehouse-token",
            "Token of this gateway",
            ["gh_"],
            "gh_[A-Za-z0-9_-]{43}",
            reason: "an agent that reads another's token is that agent"
        ),
        prefixed(
            "network-token",
            "Key of Tailscale or Mailgun",
            ["tskey-", "key-"],
            "tskey-[a-z]{2,10}-[A-Za-z0-9]{6,}(?:-[A-Za-z0-9]{16,})?|key-[a-f0-9]{32}\\b"
        ),
        prefixed(
            "office-token",
            "Token of Notion, Airtable, Figma, Asana, Dropbox, Adobe, Typeform or 1Password",
            [
                "ntn_", "secret_", "figd_", "figo_", "figor_", "sl.", "p8e-", "tfp_", "A3-",
                "pat-na", "pat-eu", "rdme_", "fio-u-", "CFPAT-", "sm_aat_", "sm_pat_", "sm_sat_",
                "tk-us-", "_mmk", "dG9rOg", "pk.eyJ", "sk.eyJ",
            ],
            "ntn_[A-Za-z0-9]{40,}|secret_[A-Za-z0-9]{43}\\b"
                + "|pat-[a-z]{2}[0-9]-[a-f0-9-]{36}|fig[do][rh]?_[A-Za-z0-9_-]{36,}"
                + "|sl\\.[A-Za-z0-9_=-]{100,}"
                + "|p8e-[A-Za-z0-9]{30,}|tfp_[A-Za-z0-9_.=-]{40,}"
                + "|A3-[A-Z0-9]{6}-[A-Z0-9]{5,6}-?[A-Z0-9]{5,6}(?:-[A-Z0-9]{5}){2,3}"
                + "|rdme_[a-z0-9]{60,}|fio-u-[A-Za-z0-9_=-]{60,}|CFPAT-[A-Za-z0-9_-]{40,}"
                + "|sm_[aps]at_[A-Za-z0-9]{16}|tk-us-[A-Za-z0-9_-]{40,}"
                + "|[A-Za-z0-9]{6}_[A-Za-z0-9]{29}_mmk|dG9rOg[A-Za-z0-9+/=]{36,}"
                + "|[ps]k\\.eyJ[A-Za-z0-9_-]{40,}\\.[A-Za-z0-9_-]{16,}",
            entropy: 3.3
        ),
    ]
}

extension RedactionRule {
    /// A token that carries its issuer's prefix.
    static func prefixed(
        _ id: String,
        _ summary: String,
        _ keywords: [String],
        _ pattern: String,
        entropy: Double = 3,
        reason: String = "the prefix names the issuer, the rest is random"
    ) -> RedactionRule {
        RedactionRule(
            id,
            summary,
            keywords: keywords,
            pattern: pattern,
            entropy: entropy,
            reach: .beside,
            reason: reason
        )
    }

    /// Keys of cloud providers and of what runs on them.
    static let cloudKeys: [RedactionRule] = [
        prefixed(
            "aws-access-key-id",
            "AWS access key id, long-lived or of a session",
            ["AKIA", "ASIA", "ABIA", "ACCA", "A3T"],
            "(?:AKIA|ASIA|ABIA|ACCA|A3T[A-Z0-9])[A-Z0-9]{16}",
            reason: "half of a credential, and it tells which account the other half opens"
        ),
        prefixed(
            "aws-mws-key",
            "Amazon Marketplace Web Service token",
            ["amzn.mws."],
            "amzn\\.mws\\.[0-9a-z]{8}-[0-9a-z]{4}-[0-9a-z]{4}-[0-9a-z]{4}-[0-9a-z]{12}"
        ),
        prefixed(
            "aws-bedrock-key",
            "Amazon Bedrock API key",
            ["ABSK", "bedrock-api-key-"],
            "ABSK[A-Za-z0-9+/]{80,}={0,2}|bedrock-api-key-[A-Za-z0-9+/]{40,}={0,2}"
        ),
        prefixed(
            "google-api-key",
            "Google API key",
            ["AIza"],
            "AIza[A-Za-z0-9_-]{30,}"
        ),
        prefixed(
            "google-oauth-token",
            "Google OAuth access or refresh token, or client secret",
            ["ya29.", "GOCSPX-", "1//0"],
            "ya29\\.[A-Za-z0-9_-]{20,}|GOCSPX-[A-Za-z0-9_-]{20,}|1//0[A-Za-z0-9_-]{30,}"
        ),
        prefixed(
            "azure-client-secret",
            "Microsoft Entra client secret",
            ["q~"],
            "[A-Za-z0-9_~.-]{3}[0-9]Q~[A-Za-z0-9_~.-]{31,36}"
        ),
        prefixed(
            "azure-resource-key",
            "Key of an Azure resource, by the signature inside it",
            ["JQQJ9", "AzCa", "+ASt", "+ABa", "+AMC", "AzFu", "APIM", "ACDb", "AzSe"],
            "[A-Za-z0-9+/]{40,100}(?:JQQJ9[A-D9]|\\+ASt|\\+ABa|\\+AMC|AzFu|APIM|ACDb|AzSe|AzCa)"
                + "[A-Za-z0-9+/]{5,40}={0,2}"
        ),
        prefixed(
            "azure-connection-string",
            "Account or shared access key in an Azure connection string",
            ["AccountKey=", "SharedAccessKey=", "SharedSecretValue="],
            "(?i:AccountKey|SharedAccessKey|SharedSecretValue)=([A-Za-z0-9+/_-]{20,}={0,2})"
        ),
        prefixed(
            "azure-sas-signature",
            "Signature of a shared access URL",
            ["sig="],
            "[?&;]sig=([A-Za-z0-9%+/_-]{32,}=?)"
        ),
        prefixed(
            "alibaba-access-key",
            "Alibaba Cloud access key id",
            ["LTAI"],
            "LTAI[A-Za-z0-9]{12,30}"
        ),
        prefixed(
            "tencent-secret-id",
            "Tencent Cloud secret id",
            ["AKID"],
            "AKID[A-Za-z0-9]{24,50}"
        ),
        prefixed(
            "yandex-key",
            "Yandex Cloud key or token",
            ["AQVN", "YCAJ", "YCMXX", "y0_", "t1."],
            "AQVN[A-Za-z0-9_-]{30,}|YC[AM][A-Za-z0-9_-]{20,60}|y0_[A-Za-z0-9_-]{40,}"
                + "|t1\\.[A-Z0-9a-z_-]{20,}={0,2}\\.[A-Z0-9a-z_-]{40,}={0,2}"
        ),
        prefixed(
            "digitalocean-token",
            "DigitalOcean token",
            ["dop_v1_", "doo_v1_", "dor_v1_"],
            "do[por]_v1_[a-f0-9]{32,}"
        ),
        prefixed(
            "cloudflare-token",
            "Cloudflare token or origin key",
            ["cfat_", "cfut_", "cfk_", "v1.0-"],
            "cf(?:at|ut|k|oat)_[A-Za-z0-9]{36,}|v1\\.0-[a-f0-9]{24}-[a-f0-9]{100,}"
        ),
        prefixed(
            "heroku-key",
            "Heroku API key",
            ["HRKU-"],
            "HRKU-[A-Za-z0-9_-]{36,}"
        ),
        prefixed(
            "fly-token",
            "Fly.io access token",
            ["fo1_", "fm1a_", "fm1r_", "fm2_"],
            "fo1_[A-Za-z0-9_-]{40,}|fm[12][ar]?_[A-Za-z0-9+/]{60,}={0,3}"
        ),
        prefixed(
            "hashicorp-token",
            "HashiCorp Vault or Terraform token",
            ["hvs.", "hvb.", "hvr.", "atlasv1"],
            "hv[sbr]\\.[A-Za-z0-9_-]{20,}|[A-Za-z0-9]{14}\\.atlasv1\\.[A-Za-z0-9_=-]{40,}"
                + "|[A-Za-z0-9_.-]{0,20}atlasv1-[A-Za-z0-9_=-]{40,}"
        ),
        prefixed(
            "pulumi-token",
            "Pulumi access token",
            ["pul-"],
            "pul-[a-f0-9]{40}"
        ),
        prefixed(
            "docker-token",
            "Docker Hub, Swarm or OpenShift token",
            ["dckr_pat_", "dckr_oat_", "SWMTKN-", "sha256~"],
            "dckr_[po]at_[A-Za-z0-9_-]{20,}|SWMTKN-1-[a-z0-9]{40,}-[a-z0-9]{20,}"
                + "|sha256~[A-Za-z0-9_-]{40,}"
        ),
        prefixed(
            "databricks-token",
            "Databricks token",
            ["dapi", "dkea", "dose"],
            "d(?:api|kea|ose)[a-f0-9]{32}(?:-[0-9])?"
        ),
        prefixed(
            "planetscale-token",
            "PlanetScale password or token",
            ["pscale_"],
            "pscale_[a-z]{2,8}_[A-Za-z0-9_.=-]{30,}"
        ),
        prefixed(
            "supabase-token",
            "Supabase token",
            ["sbp_", "sb_secret_"],
            "sbp_(?:v[0-9]_|oauth_)?[a-f0-9]{32,}|sb_secret_[A-Za-z0-9_-]{20,}"
        ),
        prefixed(
            "dynatrace-token",
            "Dynatrace API token",
            ["dt0"],
            "(?i)dt0[a-z][0-9]{2}\\.[a-z0-9]{8,24}\\.[a-z0-9]{40,}"
        ),
        prefixed(
            "salesforce-token",
            "Salesforce session, consumer key or organisation",
            ["00D", "3MVG"],
            "00D[A-Za-z0-9]{9,15}(?:![A-Za-z0-9._]{20,})?|3MVG[A-Za-z0-9._]{50,}",
            entropy: 3.2,
            reason: "a session id begins with the organisation's id, which alone names a customer"
        ),
        prefixed(
            "clickhouse-key",
            "ClickHouse Cloud key",
            ["4b1d"],
            "4b1d[A-Za-z0-9]{38}\\b",
            entropy: 3.5
        ),
        prefixed(
            "nats-seed",
            "NATS seed of a user, account, operator or server",
            ["SUA", "SAA", "SOA", "SNA", "SCA"],
            "S[UAONC]A[A-Z2-7]{55}"
        ),
        prefixed(
            "age-secret-key",
            "age secret key",
            ["AGE-SECRET-KEY-"],
            "AGE-SECRET-KEY-1[A-Z0-9]{50,}"
        ),
    ]
}

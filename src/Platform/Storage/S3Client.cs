using System.Net.Security;
using System.Security.Cryptography.X509Certificates;
using Amazon.Runtime;
using Amazon.S3;

namespace Platform.Storage;

/// <summary>The SDK's client as R2 wants it; ADR 0003 has the reasons and what each setting costs when it is missing.</summary>
internal sealed class S3Client : AmazonS3Client
{
    private readonly HttpClient http;

    public S3Client(S3Options options)
        : this(options, CreateHttpClient(options.CaFile))
    {
    }

    private S3Client(S3Options options, HttpClient http)
        : base(new BasicAWSCredentials(options.AccessKey, options.SecretKey), Configure(options, http)) => this.http = http;

    protected override void Dispose(bool disposing)
    {
        base.Dispose(disposing);
        if (disposing)
        {
            http.Dispose();
        }
    }

    private static AmazonS3Config Configure(S3Options options, HttpClient http)
    {
        var config = new AmazonS3Config
        {
            ForcePathStyle = options.ForcePathStyle,
            AuthenticationRegion = options.Region,

            // R2 answers 501 to the chunked framing that checksums in trailers need.
            RequestChecksumCalculation = RequestChecksumCalculation.WHEN_REQUIRED,
            ResponseChecksumValidation = ResponseChecksumValidation.WHEN_REQUIRED,

            // S3Faults retries: it also knows about bodies, lost replies and stalls.
            MaxErrorRetry = 0,
            BufferSize = 128 * 1024,
            HttpClientFactory = new OneClient(http),
        };
        if (string.IsNullOrWhiteSpace(options.Endpoint))
        {
            config.RegionEndpoint = Amazon.RegionEndpoint.GetBySystemName(options.Region);
        }
        else
        {
            config.ServiceURL = options.Endpoint;
        }

        return config;
    }

    private static HttpClient CreateHttpClient(string? caFile) => new(new WithoutExpect(new SocketsHttpHandler
    {
        UseProxy = false,
        AllowAutoRedirect = false,
        ConnectTimeout = TimeSpan.FromSeconds(10),
        PooledConnectionIdleTimeout = TimeSpan.FromSeconds(30),

        // A store's addresses change.
        PooledConnectionLifetime = TimeSpan.FromMinutes(10),
        SslOptions = new SslClientAuthenticationOptions { CertificateChainPolicy = Trust(caFile) },
    }))
    {
        // StallTimer watches instead: how long a body takes depends on who sends it.
        Timeout = Timeout.InfiniteTimeSpan,
    };

    private static X509ChainPolicy? Trust(string? caFile) => caFile is null ? null : new X509ChainPolicy
    {
        TrustMode = X509ChainTrustMode.CustomRootTrust,
        CustomTrustStore = { X509CertificateLoader.LoadCertificateFromFile(caFile) },
        RevocationMode = X509RevocationMode.NoCheck,
    };

    private sealed class OneClient(HttpClient http) : HttpClientFactory
    {
        public override HttpClient CreateHttpClient(IClientConfig clientConfig) => http;

        public override bool UseSDKHttpClientCaching(IClientConfig clientConfig) => false;

        public override bool DisposeHttpClientsAfterUse(IClientConfig clientConfig) => false;
    }

    /// <summary>R2 never answers 100: each PUT would wait a second for it. The header is not signed.</summary>
    private sealed class WithoutExpect(HttpMessageHandler inner) : DelegatingHandler(inner)
    {
        protected override Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
        {
            request.Headers.ExpectContinue = false;
            return base.SendAsync(request, cancellationToken);
        }
    }
}

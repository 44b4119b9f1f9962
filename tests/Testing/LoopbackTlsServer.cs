using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace Testing;

/// <summary>A server of this process, on a free port of 127.0.0.1, with a certificate of its own.</summary>
internal sealed class LoopbackTlsServer : IAsyncDisposable
{
    private static readonly TimeSpan LongestEnd = TimeSpan.FromSeconds(30);

    private readonly WebApplication app;
    private int underway;

    private LoopbackTlsServer(WebApplication app, string folder)
    {
        this.app = app;
        Folder = folder;
    }

    /// <summary>For whatever the server keeps; removed with it.</summary>
    internal string Folder { get; }

    internal string Url => app.Urls.Single();

    /// <summary>PEM file with the authority to trust.</summary>
    internal string CaFile => Path.Combine(Folder, "ca.pem");

    internal static async Task<LoopbackTlsServer> StartAsync(RequestDelegate answer)
    {
        var folder = Directory.CreateTempSubdirectory("loopback-").FullName;
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.Logging.ClearProviders();
        builder.WebHost.UseKestrelCore().ConfigureKestrel(kestrel =>
        {
            kestrel.Limits.MaxRequestBodySize = null;

            // Slowness is the tests' business.
            kestrel.Limits.MinRequestBodyDataRate = null;
            kestrel.Limits.MinResponseDataRate = null;
            kestrel.Listen(IPAddress.Loopback, 0, listen => listen.UseHttps(CreateCertificate(folder)));
        }).UseKestrelHttpsConfiguration();
        var app = builder.Build();
        var server = new LoopbackTlsServer(app, folder);
        app.Run(async context =>
        {
            Interlocked.Increment(ref server.underway);
            try
            {
                await answer(context);
            }
            finally
            {
                Interlocked.Decrement(ref server.underway);
            }
        });
        await app.StartAsync();
        return server;
    }

    public async ValueTask DisposeAsync()
    {
        // Stalled answers end with their clients, which are gone by now; nothing waits for them.
        using var now = new CancellationTokenSource();
        await now.CancelAsync();
        await app.StopAsync(now.Token);
        await app.DisposeAsync();

        // The server leaves those behind that do not end within a second, and they may still write.
        var since = TimeProvider.System.GetTimestamp();
        while (Volatile.Read(ref underway) > 0 && TimeProvider.System.GetElapsedTime(since) < LongestEnd)
        {
            await Task.Delay(20);
        }

        await TemporaryFolder.DeleteAsync(Folder);
    }

    private static X509Certificate2 CreateCertificate(string folder)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest("CN=127.0.0.1", key, HashAlgorithmName.SHA256);
        var names = new SubjectAlternativeNameBuilder();
        names.AddIpAddress(IPAddress.Loopback);
        request.CertificateExtensions.Add(names.Build());
        using var certificate = request.CreateSelfSigned(DateTimeOffset.UtcNow.AddDays(-1), DateTimeOffset.UtcNow.AddDays(30));
        File.WriteAllText(Path.Combine(folder, "ca.pem"), certificate.ExportCertificatePem());
        return X509CertificateLoader.LoadPkcs12(certificate.Export(X509ContentType.Pfx), null);
    }
}

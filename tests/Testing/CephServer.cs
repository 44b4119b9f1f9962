using System.Diagnostics;
using System.Runtime.CompilerServices;
using System.Security.Cryptography.X509Certificates;
using Amazon.Runtime;
using Amazon.S3.Model;
using Platform.Storage;

namespace Testing;

/// <summary>
/// The S3 server of this test process: the one <c>TEST_S3</c> names (what <c>scripts/ceph.sh start</c> prints), else a private one, kept
/// in memory and started when it is first asked for. It ends and its files go when this process ends, even by SIGKILL.
/// </summary>
public static class CephServer
{
    // The shell waits for the end of its standard input, which the kernel closes with this process, however it ends.
    private const string Script = """
        trap '' INT HUP TERM
        dir=$(mktemp -d /tmp/ceph-XXXXXX) || exit 1
        trap '"$1" stop "$dir" >/dev/null 2>&1; rm -rf "$dir"' EXIT
        OSD_STORE=memstore "$1" start "$dir" 2>&1
        cat >/dev/null
        """;

    private static readonly Lazy<Task<S3Options>> Tls = new(() => CreateBucketAsync(isTls: true));
    private static readonly Lazy<Task<S3Options>> Plain = new(() => CreateBucketAsync(isTls: false));
    private static readonly Lazy<Task<string[]>> Address = new(StartAsync);

    /// <summary>A bucket of this process, reached as R2 is: over TLS.</summary>
    public static Task<S3Options> TlsBucketAsync() => Tls.Value;

    /// <summary>A bucket nobody else uses, for tests that look at all of it.</summary>
    public static Task<S3Options> OwnBucketAsync(bool isTls = true) => CreateBucketAsync(isTls);

    /// <summary>A bucket of this process over plain http.</summary>
    public static Task<S3Options> PlainBucketAsync() => Plain.Value;

    /// <summary>Lets pages of an origin put objects and parts into the bucket, and read their ETags.</summary>
    public static async Task AllowPutsAsync(S3Options options, string origin)
    {
        using var s3 = new S3Client(options);
        await s3.PutCORSConfigurationAsync(new PutCORSConfigurationRequest
        {
            BucketName = options.Bucket,
            Configuration = new() { Rules = [new() { AllowedOrigins = [origin], AllowedMethods = ["PUT"], AllowedHeaders = ["*"], ExposeHeaders = ["ETag"] }] },
        });
    }

    /// <summary>A plain client that trusts the server's certificate.</summary>
    public static HttpClient OpenHttp(S3Options options) => new(new SocketsHttpHandler
    {
        SslOptions =
        {
            CertificateChainPolicy = new X509ChainPolicy
            {
                TrustMode = X509ChainTrustMode.CustomRootTrust,
                CustomTrustStore = { X509CertificateLoader.LoadCertificateFromFile(options.CaFile!) },
                RevocationMode = X509RevocationMode.NoCheck,
            },
        },
    });

    private static string? Given => Environment.GetEnvironmentVariable("TEST_S3") is { Length: > 0 } address ? address : null;

    private static async Task<S3Options> CreateBucketAsync(bool isTls)
    {
        var address = await Address.Value;
        var options = new S3Options
        {
            Endpoint = isTls ? address[1] : address[0],
            CaFile = isTls ? address[2] : null,
            Region = "us-east-1",
            AccessKey = address[3],
            SecretKey = address[4],
            Bucket = $"test-{Guid.NewGuid():n}",
        };
        using var s3 = new S3Client(options);
        await s3.PutBucketAsync(options.Bucket);

        if (Given is not null)
        {
            // A server that many runs share may keep all their objects in memory.
            EndOfTests.Do(() => RemoveBucketAsync(options));
        }

        return options;
    }

    /// <summary>Removes a bucket and what is in it, before this process ends.</summary>
    public static async Task RemoveBucketAsync(S3Options options)
    {
        try
        {
            using var s3 = new S3Client(options);
            foreach (var upload in (await s3.ListMultipartUploadsAsync(options.Bucket)).MultipartUploads ?? [])
            {
                await s3.AbortMultipartUploadAsync(options.Bucket, upload.Key, upload.UploadId);
            }

            while ((await s3.ListObjectsV2Async(new ListObjectsV2Request { BucketName = options.Bucket })).S3Objects is { Count: > 0 } objects)
            {
                await Parallel.ForEachAsync(objects, async (found, cancel) => await s3.DeleteObjectAsync(options.Bucket, found.Key, cancel));
            }

            await s3.DeleteBucketAsync(options.Bucket);
        }
        catch (Exception e) when (e is AmazonServiceException or HttpRequestException or IOException or OperationCanceledException)
        {
            // The server has gone before, or is slow; the tests have said what they had to.
        }
    }

    private static async Task<string[]> StartAsync()
    {
        var address = Given ?? await StartOwnAsync();
        var words = address.Split(';');
        return words.Length == 5 ? words : throw new InvalidOperationException($"No S3 server for the tests: {address}");
    }

    private static async Task<string> StartOwnAsync()
    {
        var start = new ProcessStartInfo("/bin/sh", ["-c", Script, "sh", ScriptPath()]) { RedirectStandardInput = true, RedirectStandardOutput = true };
        var shell = Process.Start(start) ?? throw new InvalidOperationException("/bin/sh does not start.");
        EndOfTests.Do(() =>
        {
            shell.StandardInput.Close();
            return shell.WaitForExitAsync();
        });
        return await shell.StandardOutput.ReadLineAsync() ?? "";
    }

    private static string ScriptPath([CallerFilePath] string here = "") => Path.Combine(Path.GetDirectoryName(here)!, "../../scripts/ceph.sh");
}

using System.Text.Json;
using Microsoft.Extensions.Configuration;
using Platform.Storage;

namespace Assets.Client;

/// <summary>
/// What a bucket needs so that browsers read sites from it: applied where the credential of the settings may change the bucket, else
/// documents for whoever may. R2 knows no policies.
/// </summary>
internal static class BucketSetup
{
    private static readonly JsonSerializerOptions Readable = new() { WriteIndented = true };

    private static readonly string[] Any = ["*"];
    private static readonly string[] Methods = ["GET", "HEAD"];
    private static readonly string[] Exposed = ["ETag", "Content-Length", "Content-Range"];

    /// <param name="origins">That may read files by script, such as fonts and data; <c>*</c> for all.</param>
    internal static string Document(string bucket, IReadOnlyList<string> origins) => $"""
        # CORS, for scripts and fonts of other origins. AWS: aws s3api put-bucket-cors --bucket {bucket} --cors-configuration file://cors.json
        {Json(new { CORSRules = new[] { new { AllowedOrigins = origins, AllowedMethods = Methods, AllowedHeaders = Any, ExposeHeaders = Exposed, MaxAgeSeconds = 86400 } } })}

        # The same for R2: npx wrangler r2 bucket cors set {bucket} --file cors.json
        {Json(new { rules = new[] { new { allowed = new { origins, methods = Methods, headers = Any }, exposeHeaders = Exposed, maxAgeSeconds = 86400 } } })}

        # Who may read: objects and published paths of sites, and nothing of weddings. AWS: aws s3api put-bucket-policy --bucket {bucket} --policy file://policy.json
        # R2 has no policies: a custom domain on a bucket opens all of it, so give sites a bucket (and a host) of their own there.
        {Json(PolicyOf(bucket))}
        """;

    /// <summary>Does what the credential of the settings may; what the store refuses is printed, to be done by somebody else.</summary>
    /// <returns>Whether all was done.</returns>
    internal static async Task<bool> ApplyAsync(IConfiguration configuration, IReadOnlyList<string> origins, CancellationToken cancellationToken)
    {
        var steps = await S3BucketSetup.ApplyAsync(configuration, origins, cancellationToken);
        foreach (var (step, refused) in steps)
        {
            await Console.Out.WriteLineAsync($"{step}: {(refused is null ? "in place" : $"refused ({refused})")}");
        }

        var isDone = steps.Values.All(refused => refused is null);
        if (!isDone)
        {
            await Console.Out.WriteLineAsync($"\n{Document(configuration["Storage:S3:Bucket"]!, origins)}");
        }

        return isDone;
    }

    private static object PolicyOf(string bucket) => new
    {
        Version = "2012-10-17",
        Statement = new[]
        {
            new
            {
                Sid = "SitesArePublic",
                Effect = "Allow",
                Principal = "*",
                Action = "s3:GetObject",
                Resource = new[] { $"arn:aws:s3:::{bucket}/sites/*/objects/*", $"arn:aws:s3:::{bucket}/sites/*/public/*" },
            },
        },
    };

    private static string Json(object document) => JsonSerializer.Serialize(document, Readable);
}

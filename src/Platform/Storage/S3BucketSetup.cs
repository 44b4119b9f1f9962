using Amazon.Runtime;
using Amazon.S3;
using Amazon.S3.Model;
using Microsoft.Extensions.Configuration;

namespace Platform.Storage;

/// <summary>
/// Gives the bucket of the settings what browsers and its bill need, beside what it has already. Not every credential may, and not every store
/// can: what was refused is for somebody else to do. Safe to repeat.
/// </summary>
public static class S3BucketSetup
{
    private const string AbandonedParts = "abandoned-parts";

    // As long as R2 keeps them by itself; AWS keeps them, and charges, for ever.
    private const int AbandonedAfterDays = 7;

    private const int CorsSeconds = 86400;

    /// <param name="origins">Pages of these may read by script; <c>*</c> for all.</param>
    /// <returns>Why a step was refused, by its name (<c>cors</c>, <c>lifecycle</c>); <see langword="null"/> where it is done.</returns>
    /// <exception cref="StartupException">A setting under <c>Storage__S3</c> is missing or wrong.</exception>
    public static async Task<IReadOnlyDictionary<string, string?>> ApplyAsync(
        IConfiguration configuration, IReadOnlyList<string> origins, CancellationToken cancellationToken)
    {
        var options = StorageOptions.Read(configuration);
        if (options.Folder is not null)
        {
            throw new StartupException("Storage__Provider is Folder: there is no bucket to set up.");
        }

        using var s3 = new S3Client(options.S3);
        return new Dictionary<string, string?>
        {
            ["cors"] = await TryAsync(() => AllowReadsAsync(s3, options.S3.Bucket, origins, cancellationToken)),
            ["lifecycle"] = await TryAsync(() => EndUploadsAsync(s3, options.S3.Bucket, cancellationToken)),
        };
    }

    // The rules of a bucket are replaced as a whole: those that somebody needs for uploads stay.
    private static async Task AllowReadsAsync(S3Client s3, string bucket, IReadOnlyList<string> origins, CancellationToken cancellationToken)
    {
        var wanted = new CORSRule
        {
            AllowedOrigins = [.. origins],
            AllowedMethods = ["GET", "HEAD"],
            AllowedHeaders = ["*"],
            ExposeHeaders = ["ETag", "Content-Length", "Content-Range"],
            MaxAgeSeconds = CorsSeconds,
        };
        var rules = await ExistingAsync(
            "NoSuchCORSConfiguration",
            async () => (await s3.GetCORSConfigurationAsync(new GetCORSConfigurationRequest { BucketName = bucket }, cancellationToken)).Configuration?.Rules);
        if (!rules.Exists(rule => Same(rule.AllowedOrigins, wanted.AllowedOrigins) && Same(rule.AllowedMethods, wanted.AllowedMethods)))
        {
            await s3.PutCORSConfigurationAsync(
                new PutCORSConfigurationRequest { BucketName = bucket, Configuration = new CORSConfiguration { Rules = [.. rules, wanted] } },
                cancellationToken);
        }
    }

    private static async Task EndUploadsAsync(S3Client s3, string bucket, CancellationToken cancellationToken)
    {
        var wanted = new LifecycleRule
        {
            Id = AbandonedParts,
            Status = LifecycleRuleStatus.Enabled,
            Filter = new LifecycleFilter { LifecycleFilterPredicate = new LifecyclePrefixPredicate { Prefix = "" } },
            AbortIncompleteMultipartUpload = new LifecycleRuleAbortIncompleteMultipartUpload { DaysAfterInitiation = AbandonedAfterDays },
        };
        var rules = await ExistingAsync(
            "NoSuchLifecycleConfiguration",
            async () => (await s3.GetLifecycleConfigurationAsync(new GetLifecycleConfigurationRequest { BucketName = bucket }, cancellationToken))
                .Configuration?.Rules);
        if (!rules.Exists(rule => rule.AbortIncompleteMultipartUpload is not null))
        {
            await s3.PutLifecycleConfigurationAsync(
                new PutLifecycleConfigurationRequest { BucketName = bucket, Configuration = new LifecycleConfiguration { Rules = [.. rules, wanted] } },
                cancellationToken);
        }
    }

    private static async Task<List<T>> ExistingAsync<T>(string none, Func<Task<List<T>?>> readAsync)
    {
        try
        {
            return await readAsync() ?? [];
        }
        catch (AmazonS3Exception e) when (e.ErrorCode == none)
        {
            return [];
        }
    }

    private static async Task<string?> TryAsync(Func<Task> stepAsync)
    {
        try
        {
            await stepAsync();
            return null;
        }
        catch (AmazonServiceException e)
        {
            return string.IsNullOrEmpty(e.ErrorCode) ? e.Message : e.ErrorCode;
        }
    }

    private static bool Same(List<string>? one, List<string> other) => one is not null && one.Order().SequenceEqual(other.Order());
}

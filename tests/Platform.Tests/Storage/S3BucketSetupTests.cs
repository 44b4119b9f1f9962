using Amazon.S3.Model;
using Microsoft.Extensions.Configuration;
using Platform.Storage;
using Testing;
using Xunit;

namespace Platform.Tests.Storage;

public sealed class S3BucketSetupTests
{
    private static readonly string[] Origins = ["https://music.example.com"];

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_bucket_gets_what_it_lacks_once_and_keeps_what_it_has()
    {
        var bucket = await CephServer.OwnBucketAsync();
        await CephServer.AllowPutsAsync(bucket, "https://photos.example.com");
        for (var i = 0; i < 2; i++)
        {
            Assert.All(await S3BucketSetup.ApplyAsync(Settings(bucket), Origins, Cancel), step => Assert.Null(step.Value));
        }

        using var s3 = new S3Client(bucket);
        var cors = (await s3.GetCORSConfigurationAsync(new GetCORSConfigurationRequest { BucketName = bucket.Bucket }, Cancel)).Configuration.Rules;
        Assert.Equal(["https://music.example.com", "https://photos.example.com"], cors.Select(rule => Assert.Single(rule.AllowedOrigins)).Order());
        var lifecycle = (await s3.GetLifecycleConfigurationAsync(new GetLifecycleConfigurationRequest { BucketName = bucket.Bucket }, Cancel)).Configuration.Rules;
        Assert.Equal(7, Assert.Single(lifecycle).AbortIncompleteMultipartUpload.DaysAfterInitiation);
    }

    [Fact]
    public async Task What_the_store_refuses_is_said()
    {
        var bucket = await CephServer.TlsBucketAsync();
        var steps = await S3BucketSetup.ApplyAsync(Settings(bucket with { Bucket = "somebody-elses-" + bucket.Bucket }), Origins, Cancel);
        Assert.All(steps, step => Assert.Equal("NoSuchBucket", step.Value));
    }

    private static IConfiguration Settings(S3Options bucket) => new ConfigurationBuilder().AddInMemoryCollection(new Dictionary<string, string?>
    {
        ["Storage:Provider"] = "S3",
        ["Storage:S3:Endpoint"] = bucket.Endpoint,
        ["Storage:S3:Region"] = bucket.Region,
        ["Storage:S3:Bucket"] = bucket.Bucket,
        ["Storage:S3:AccessKey"] = bucket.AccessKey,
        ["Storage:S3:SecretKey"] = bucket.SecretKey,
        ["Storage:S3:CaFile"] = bucket.CaFile,
    }).Build();
}

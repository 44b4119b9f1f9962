using System.Security.Authentication;
using Amazon.Runtime;
using Amazon.S3;
using Amazon.S3.Model;

namespace Platform.Storage;

/// <summary>Says in one sentence why a bucket cannot be used.</summary>
internal static class S3Check
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);

    /// <exception cref="StartupException">It cannot; the message names the setting to look at.</exception>
    public static async Task RunAsync(AmazonS3Client client, S3Faults faults, S3Options options, CancellationToken cancellationToken)
    {
        // Listing one key needs the endpoint, the credentials and the bucket, and unlike HEAD it answers with a code.
        var request = new ListObjectsV2Request { BucketName = options.Bucket, MaxKeys = 1 };
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        patience.CancelAfter(Patience);
        try
        {
            await faults.CallAsync(options.Bucket, null, (_, cancel) => client.ListObjectsV2Async(request, cancel), patience.Token);
        }
        catch (OperationCanceledException e) when (!cancellationToken.IsCancellationRequested)
        {
            throw Failed($"Storage__S3__Endpoint {Place(options)} does not answer within {Patience.TotalSeconds:0} s.", e);
        }
        catch (StorageException e)
        {
            throw Failed(Reason(options, e.InnerException ?? e), e);
        }
    }

    private static string Reason(S3Options options, Exception e) => e switch
    {
        AmazonServiceException { ErrorCode: "NoSuchBucket" or "InvalidBucketName" } =>
            $"Storage__S3__Bucket is {options.Bucket}, and there is no such bucket at {Place(options)}.",
        AmazonServiceException { ErrorCode: "InvalidAccessKeyId" or "SignatureDoesNotMatch" or "Unauthorized" } answer =>
            $"Storage__S3__AccessKey or Storage__S3__SecretKey is not accepted by {Place(options)} ({answer.ErrorCode}).",
        AmazonServiceException { ErrorCode: "AccessDenied" } =>
            $"Storage__S3__AccessKey may not list bucket {options.Bucket} at {Place(options)} (AccessDenied).",
        AmazonServiceException answer => $"Storage__S3__Endpoint {Place(options)} answers {(int)answer.StatusCode} {answer.ErrorCode}: {answer.Message}",
        _ when Innermost(e) is AuthenticationException untrusted =>
            $"Storage__S3__Endpoint {Place(options)} shows a certificate that is not trusted ({untrusted.Message}); Storage__S3__CaFile can name its authority.",
        _ => $"Storage__S3__Endpoint {Place(options)} cannot be reached: {Innermost(e).Message}.",
    };

    private static string Place(S3Options options) => string.IsNullOrWhiteSpace(options.Endpoint) ? options.Region : options.Endpoint;

    private static Exception Innermost(Exception e) => e is AuthenticationException || e.InnerException is null ? e : Innermost(e.InnerException);

    private static StartupException Failed(string message, Exception e) => new(message, e) { ExitCode = 3 };
}

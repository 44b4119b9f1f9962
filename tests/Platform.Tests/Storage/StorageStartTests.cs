using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Platform.Storage;
using Testing;
using Xunit;

namespace Platform.Tests.Storage;

/// <summary>A wrong setting stops the start with a sentence that names it.</summary>
public sealed class StorageStartTests : IDisposable
{
    private readonly string root = Directory.CreateTempSubdirectory("folder-storage-").FullName;

    public void Dispose() => Directory.Delete(root, recursive: true);

    [Fact]
    public async Task A_folder_is_made_and_used()
    {
        var folder = Path.Combine(root, "a/b");
        await using var services = Services([("Storage:Folder", folder)]);
        await services.GetRequiredService<StorageCheck>().CheckAsync(TestContext.Current.CancellationToken);
        await services.GetRequiredService<IObjectStorage>().PutAsync("x", new MemoryStream([1]), 1, "", TestContext.Current.CancellationToken);
        Assert.True(File.Exists(Path.Combine(folder, "x")));
        Assert.Equal(1, services.GetRequiredService<WorkMeter>().ClassAOperations);
    }

    [Fact]
    public Task An_unknown_provider_is_refused() => RefusedAsync("Storage__Provider is 'Ftp'", ("Storage:Provider", "Ftp"));

    [Fact]
    public Task A_missing_folder_is_named() => RefusedAsync("Storage__Folder");

    [Theory]
    [InlineData("Bucket")]
    [InlineData("AccessKey")]
    [InlineData("SecretKey")]
    public Task A_missing_setting_of_s3_is_named(string name) => RefusedAsync(
        $"Storage__S3__{name} is missing", [.. S3(new S3Options { Endpoint = "https://x", Bucket = "b", AccessKey = "a", SecretKey = "s" }).Where(setting => setting.Key != $"Storage:S3:{name}")]);

    [Theory]
    [InlineData("not an address")]
    [InlineData("ftp://x")]
    public Task A_malformed_endpoint_is_named(string endpoint) => RefusedAsync(
        "Storage__S3__Endpoint", S3(new S3Options { Endpoint = endpoint, Bucket = "b", AccessKey = "a", SecretKey = "s" }));

    [Fact]
    public Task A_flag_that_is_none_is_named() => RefusedAsync("ForcePathStyle", ("Storage:Provider", "S3"), ("Storage:S3:ForcePathStyle", "perhaps"));

    [Fact]
    public async Task A_folder_that_cannot_be_written_is_named()
    {
        await File.WriteAllTextAsync(Path.Combine(root, "file"), "", TestContext.Current.CancellationToken);
        await RefusedAsync("Storage__Folder", ("Storage:Folder", Path.Combine(root, "file/below")));
    }

    [Fact]
    public async Task A_missing_bucket_is_named() =>
        await RefusedAsync("Storage__S3__Bucket is none-such", S3(await CephServer.TlsBucketAsync() with { Bucket = "none-such" }));

    [Fact]
    public async Task A_wrong_secret_is_named() =>
        await RefusedAsync("Storage__S3__SecretKey", S3(await CephServer.TlsBucketAsync() with { SecretKey = "wrong-secret" }));

    [Fact]
    public async Task A_wrong_access_key_is_named() =>
        await RefusedAsync("Storage__S3__AccessKey", S3(await CephServer.TlsBucketAsync() with { AccessKey = "nobody" }));

    [Fact]
    public async Task A_certificate_of_a_stranger_is_named() =>
        await RefusedAsync("Storage__S3__CaFile", S3(await CephServer.TlsBucketAsync() with { CaFile = null }));

    [Fact]
    public Task A_store_that_does_not_answer_is_named() => RefusedAsync(
        "Storage__S3__Endpoint http://127.0.0.1:9 cannot be reached", S3(new S3Options { Endpoint = "http://127.0.0.1:9", Bucket = "b", AccessKey = "a", SecretKey = "s" }));

    private static (string Key, string? Value)[] S3(S3Options options) =>
    [
        ("Storage:Provider", "S3"),
        ("Storage:S3:Endpoint", options.Endpoint),
        ("Storage:S3:Region", options.Region),
        ("Storage:S3:Bucket", options.Bucket),
        ("Storage:S3:AccessKey", options.AccessKey),
        ("Storage:S3:SecretKey", options.SecretKey),
        ("Storage:S3:CaFile", options.CaFile),
    ];

    private static ServiceProvider Services((string Key, string? Value)[] settings)
    {
        var configuration = new ConfigurationBuilder()
            .AddInMemoryCollection(settings.Select(setting => KeyValuePair.Create(setting.Key, setting.Value))).Build();
        return new ServiceCollection().AddStorage(configuration).BuildServiceProvider();
    }

    private static async Task RefusedAsync(string words, params (string Key, string? Value)[] settings)
    {
        await using var services = Services(settings);
        var refused = await Assert.ThrowsAsync<StartupException>(
            () => services.GetRequiredService<StorageCheck>().CheckAsync(TestContext.Current.CancellationToken));
        Assert.Contains(words, refused.Message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', refused.Message);
        Assert.DoesNotContain("wrong-secret", refused.Message, StringComparison.Ordinal);
    }
}

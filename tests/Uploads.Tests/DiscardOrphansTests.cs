using Platform.Storage;
using Testing;
using Xunit;

namespace Uploads.Tests;

public sealed class FolderDiscardOrphansTests(FolderNode node) : DiscardOrphansTests(node), IClassFixture<FolderNode>;

public sealed class S3DiscardOrphansTests(S3DiscardOrphansTests.Node node) : DiscardOrphansTests(node), IClassFixture<S3DiscardOrphansTests.Node>
{
    /// <summary>Uploads of other tests belong to other databases: here they would be orphans.</summary>
    public sealed class Node : UploadNode
    {
        protected override async Task<IObjectStorage> OpenStorageAsync() =>
            new S3ObjectStorage(await CephServer.OwnBucketAsync(), TimeProvider.System);
    }
}

/// <summary>What a process that died has begun in the store.</summary>
public abstract class DiscardOrphansTests(UploadNode node) : IDisposable
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public void Dispose()
    {
        node.Clock.Shift = TimeSpan.Zero;
        GC.SuppressFinalize(this);
    }

    [Fact]
    public async Task Only_what_is_old_and_belongs_to_no_upload_is_discarded()
    {
        var known = (await node.Host.InitAsync(1_000)).Id();
        var etag = await node.Host.SendAsync(known, 0, new byte[1_000]);
        var orphan = await node.Storage.BeginMultipartAsync("member/u1/20260620/images/a.jpg", "image/jpeg", Cancellation);
        var foreign = await node.Storage.BeginMultipartAsync("albums/a.zip", "application/zip", Cancellation);

        await node.Host.Orphans.SweepAsync(Cancellation);
        await node.Storage.ListPartsAsync(orphan, Cancellation);

        node.Clock.Shift = TimeSpan.FromDays(1.1);
        await node.Host.Orphans.SweepAsync(Cancellation);
        var gone = await Assert.ThrowsAsync<StorageException>(() => node.Storage.ListPartsAsync(orphan, Cancellation));
        Assert.Equal(StorageError.MultipartNotFound, gone.Error);
        await node.Storage.ListPartsAsync(foreign, Cancellation);
        await UploadHost.ReadAsync(await node.Host.CompleteAsync(known, etag), 200);
        await node.Storage.AbortMultipartAsync(foreign, Cancellation);
    }
}

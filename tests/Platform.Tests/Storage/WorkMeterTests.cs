using Platform.Storage;
using Xunit;

namespace Platform.Tests.Storage;

public sealed class WorkMeterTests : IDisposable
{
    private readonly string root = Directory.CreateTempSubdirectory("folder-storage-").FullName;

    public void Dispose() => Directory.Delete(root, recursive: true);

    [Fact]
    public async Task Work_is_counted_by_price_class_and_apart_from_that_of_others()
    {
        var cancel = TestContext.Current.CancellationToken;
        var (all, job) = (new WorkMeter(), new WorkMeter());
        var process = new MeteredObjectStorage(new FolderObjectStorage(root, TimeProvider.System), all);
        var storage = new MeteredObjectStorage(process, job);
        var source = await process.PutAsync("source", new MemoryStream(new byte[100]), 100, "", cancel);

        var upload = await storage.BeginMultipartAsync("a", "", cancel);
        var put = await storage.PutPartAsync(upload, new PartSlot(1, 0, 30), new MemoryStream(new byte[30]), cancel);
        var copied = await storage.CopyPartAsync(upload, new PartSlot(2, 30, 50), "source", 0, source.ETag, cancel);
        await storage.ListPartsAsync(upload, cancel);
        await storage.CompleteMultipartAsync(upload, [put, copied], cancel);
        await storage.HeadAsync("a", cancel);
        await storage.ListAsync("", null, cancel);
        await using (var body = await storage.ReadAsync("a", new ByteRange(0, 60), null, cancel))
        {
            await body.ReadExactlyAsync(new byte[20], cancel);
        }

        await storage.DeleteAsync("a", cancel);
        await storage.AbortMultipartAsync(upload, cancel);

        Assert.Equal((6, 4, 2), (job.ClassAOperations, job.ClassBOperations, job.FreeOperations));
        Assert.Equal((30, 20, 50), (job.BytesIn, job.BytesOut, job.BytesCopied));
        Assert.Equal((7, 130), (all.ClassAOperations, all.BytesIn));
    }
}

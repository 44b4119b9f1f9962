using System.Text;
using Platform.Storage;
using Xunit;

namespace Platform.Tests.Storage;

public sealed class FolderObjectStorageTests : IDisposable
{
    private readonly string root = Directory.CreateTempSubdirectory("folder-storage-").FullName;
    private readonly FolderObjectStorage storage;

    public FolderObjectStorageTests() => storage = new FolderObjectStorage(root, TimeProvider.System);

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public void Dispose() => Directory.Delete(root, recursive: true);

    [Fact]
    public async Task An_object_is_a_file_of_its_key()
    {
        await PutAsync("wedding/ä ö+%#/photo 1.jpg", "bytes");
        Assert.Equal("bytes", await File.ReadAllTextAsync(Path.Combine(root, "wedding/ä ö+%#/photo 1.jpg"), Cancel));
    }

    [Fact]
    public async Task Parts_are_written_in_place_and_completion_is_a_rename()
    {
        var upload = await storage.BeginMultipartAsync("a/b.bin", "", Cancel);
        var second = await PutPartAsync(upload, 2, 5, "world");
        var first = await PutPartAsync(upload, 1, 0, "hello");
        var body = new FileInfo(Path.Combine(root, ".storage/multipart", upload.Id, "body"));
        Assert.Equal("helloworld", await File.ReadAllTextAsync(body.FullName, Cancel));
        await storage.CompleteMultipartAsync(upload, [first, second], Cancel);
        Assert.Equal("helloworld", await ReadAsync("a/b.bin"));
        Assert.Empty(Directory.EnumerateFileSystemEntries(Path.Combine(root, ".storage/multipart")));
    }

    [Fact]
    public async Task A_part_sent_again_and_cut_off_leaves_the_first_one()
    {
        var upload = await storage.BeginMultipartAsync("a", "", Cancel);
        var first = await PutPartAsync(upload, 1, 0, "hello");
        var cut = await Assert.ThrowsAsync<StorageException>(() => storage.PutPartAsync(upload, new PartSlot(1, 0, 9), Body("HELL"), Cancel));
        Assert.Equal(StorageError.BodySizeMismatch, cut.Error);
        Assert.Equal([first], await storage.ListPartsAsync(upload, Cancel));
        await storage.CompleteMultipartAsync(upload, [first], Cancel);
        Assert.Equal("hello", await ReadAsync("a"));
    }

    [Fact]
    public async Task A_part_sent_again_replaces_the_first_one_at_completion()
    {
        var upload = await storage.BeginMultipartAsync("a", "", Cancel);
        var parts = new[] { await PutPartAsync(upload, 1, 0, "hello"), await PutPartAsync(upload, 2, 5, "world") };
        parts[0] = await PutPartAsync(upload, 1, 0, "HELLO");
        await storage.CompleteMultipartAsync(upload, parts, Cancel);
        Assert.Equal("HELLOworld", await ReadAsync("a"));
    }

    [Fact]
    public async Task A_writer_that_is_late_never_reaches_the_finished_object()
    {
        var upload = await storage.BeginMultipartAsync("a", "", Cancel);
        var pipe = new System.IO.Pipelines.Pipe();
        var late = storage.PutPartAsync(upload, new PartSlot(1, 0, 5), pipe.Reader.AsStream(), Cancel);
        var part = await PutPartAsync(upload, 1, 0, "hello");
        await storage.CompleteMultipartAsync(upload, [part], Cancel);
        await pipe.Writer.WriteAsync("wrong"u8.ToArray(), Cancel);
        await pipe.Writer.CompleteAsync();
        Assert.Equal(StorageError.MultipartNotFound, (await Assert.ThrowsAsync<StorageException>(() => late)).Error);
        Assert.Equal("hello", await ReadAsync("a"));
    }

    [Fact]
    public async Task Parts_may_be_left_out()
    {
        var upload = await storage.BeginMultipartAsync("a", "", Cancel);
        var first = await PutPartAsync(upload, 1, 0, "hello");
        await PutPartAsync(upload, 2, 5, "-----");
        var third = await PutPartAsync(upload, 3, 10, "world");
        await storage.CompleteMultipartAsync(upload, [first, third], Cancel);
        Assert.Equal("helloworld", await ReadAsync("a"));
    }

    [Theory]
    [InlineData(".storage/x")]
    [InlineData(".STORAGE/multipart/x")]
    public async Task The_stores_own_folder_is_out_of_reach(string key)
    {
        var refused = await Assert.ThrowsAsync<StorageException>(() => PutAsync(key, "x"));
        Assert.Equal(StorageError.InvalidKey, refused.Error);
        await storage.BeginMultipartAsync("a", "", Cancel);
        Assert.Empty((await storage.ListAsync("", null, Cancel)).Objects);
        Assert.Empty((await storage.ListAsync(".storage/", null, Cancel)).Objects);
    }

    [Theory]
    [InlineData("../../etc")]
    [InlineData("")]
    [InlineData("/tmp")]
    public async Task An_upload_id_that_is_a_path_is_unknown(string id)
    {
        var upload = new MultipartUpload("a", id);
        await Assert.ThrowsAsync<StorageException>(() => storage.ListPartsAsync(upload, Cancel));
        await Assert.ThrowsAsync<StorageException>(() => PutPartAsync(upload, 1, 0, "x"));
        await storage.AbortMultipartAsync(upload, Cancel);
        Assert.True(Directory.Exists(root));
    }

    [Fact]
    public async Task A_key_below_an_object_is_refused()
    {
        await PutAsync("a", "x");
        Assert.Equal(StorageError.InvalidKey, (await Assert.ThrowsAsync<StorageException>(() => PutAsync("a/b/c", "x"))).Error);
        await PutAsync("d/e", "x");
        Assert.Equal(StorageError.InvalidKey, (await Assert.ThrowsAsync<StorageException>(() => PutAsync("d", "x"))).Error);
    }

    [Fact]
    public async Task Deleting_the_last_object_of_a_folder_removes_the_folder()
    {
        await PutAsync("a/b/c", "x");
        await storage.DeleteAsync("a/b/c", Cancel);
        await PutAsync("a", "x");
        Assert.Equal("x", await ReadAsync("a"));
    }

    [Fact]
    public async Task An_object_replaced_while_it_is_read_is_read_to_its_end()
    {
        await PutAsync("a", "old");
        await using var reader = await storage.ReadAsync("a", null, null, Cancel);
        await PutAsync("a", "new");
        Assert.Equal("old", await new StreamReader(reader).ReadToEndAsync(Cancel));
    }

    [Fact]
    public async Task What_crashes_left_behind_is_removed()
    {
        var upload = await storage.BeginMultipartAsync("a", "", Cancel);
        var kept = await storage.BeginMultipartAsync("a", "", Cancel);
        var incoming = Path.Combine(root, ".storage/incoming/old");
        await File.WriteAllTextAsync(incoming, "x", Cancel);
        File.SetLastWriteTimeUtc(incoming, DateTime.UtcNow.AddDays(-2));
        Directory.SetLastWriteTimeUtc(Path.Combine(root, ".storage/multipart", upload.Id), DateTime.UtcNow.AddDays(-8));
        storage.RemoveLeftovers();
        Assert.False(File.Exists(incoming));
        Assert.Empty(await storage.ListPartsAsync(kept, Cancel));
        Assert.Equal(
            StorageError.MultipartNotFound,
            (await Assert.ThrowsAsync<StorageException>(() => storage.ListPartsAsync(upload, Cancel))).Error);
    }

    [Fact]
    public async Task The_last_objects_of_a_folder_may_be_deleted_at_the_same_time()
    {
        for (var round = 0; round < 100; round++)
        {
            await PutAsync("a/b/1", "x");
            await PutAsync("a/b/2", "x");
            await Parallel.ForEachAsync(["a/b/1", "a/b/2"], Cancel, async (key, cancel) =>
            {
                await Task.Yield();
                await storage.DeleteAsync(key, cancel);
            });
        }

        Assert.Empty((await storage.ListAsync("", null, Cancel)).Objects);
    }

    /// <summary>Two nodes that start together on what a crash left of many discarded uploads.</summary>
    [Fact]
    public async Task Several_processes_may_remove_leftovers_at_once()
    {
        for (var i = 0; i < 300; i++)
        {
            var gone = Directory.CreateDirectory(Path.Combine(root, $".storage/multipart/{Guid.NewGuid():N}.gone")).FullName;
            for (var file = 0; file < 10; file++)
            {
                await File.WriteAllTextAsync(Path.Combine(gone, $"{file}.part"), "", Cancel);
            }
        }

        await Parallel.ForAsync(0, 4, Cancel, (_, _) =>
        {
            new FolderObjectStorage(root, TimeProvider.System).RemoveLeftovers();
            return ValueTask.CompletedTask;
        });
        Assert.Empty(Directory.EnumerateDirectories(Path.Combine(root, ".storage/multipart")));
    }

    private static MemoryStream Body(string text) => new(Encoding.UTF8.GetBytes(text));

    private Task<StoredObject> PutAsync(string key, string text) => storage.PutAsync(key, Body(text), text.Length, "text/plain", Cancel);

    private Task<StoredPart> PutPartAsync(MultipartUpload upload, int number, long offset, string text) =>
        storage.PutPartAsync(upload, new PartSlot(number, offset, text.Length), Body(text), Cancel);

    private async Task<string> ReadAsync(string key)
    {
        await using var body = await storage.ReadAsync(key, null, null, Cancel);
        return await new StreamReader(body).ReadToEndAsync(Cancel);
    }
}

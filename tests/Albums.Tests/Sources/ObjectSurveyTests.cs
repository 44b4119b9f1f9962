using Albums.Sources;
using Platform.Storage;
using Testing;
using Xunit;

namespace Albums.Tests.Sources;

public sealed class ObjectSurveyTests : IDisposable
{
    private readonly DirectoryInfo folder = Directory.CreateTempSubdirectory("survey-");
    private readonly FolderObjectStorage objects;
    private readonly FaultyObjectStorage storage;

    public ObjectSurveyTests()
    {
        objects = new FolderObjectStorage(folder.FullName, TimeProvider.System);
        storage = new FaultyObjectStorage(objects);
    }

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public void Dispose() => folder.Delete(recursive: true);

    [Fact]
    public async Task Many_objects_of_a_folder_cost_one_listing()
    {
        var keys = Enumerable.Range(0, 100).Select(i => $"guests/{i}.jpg").ToArray();
        await PutAsync(keys[..90]);
        var found = await ObjectSurvey.FindAsync(storage, keys, Cancel);
        Assert.Equal(keys[..90].Order(StringComparer.Ordinal), found.Keys.Order(StringComparer.Ordinal));
        Assert.Equal(1, storage.Calls);
        foreach (var key in keys[..90])
        {
            Assert.Equal(await objects.HeadAsync(key, Cancel), found[key]);
        }
    }

    [Fact]
    public async Task Few_objects_are_looked_at_one_by_one()
    {
        await PutAsync("a/1.jpg", "b/2.jpg");
        var found = await ObjectSurvey.FindAsync(storage, ["a/1.jpg", "b/2.jpg", "b/3.jpg", "a/1.jpg"], Cancel);
        Assert.Equal(["a/1.jpg", "b/2.jpg"], found.Keys.Order(StringComparer.Ordinal));
        Assert.Equal(3, storage.Calls);
    }

    /// <summary>A few keys at the bucket's root do not make anybody list the whole bucket.</summary>
    [Fact]
    public async Task A_folder_of_much_else_is_not_listed_to_its_end()
    {
        await PutAsync([.. Enumerable.Range(0, 2500).Select(i => $"other/{i}.jpg")]);
        var keys = Enumerable.Range(0, 20).Select(i => $"z{i}.jpg").ToArray();
        await PutAsync(keys[..19]);
        var found = await ObjectSurvey.FindAsync(storage, keys, Cancel);
        Assert.Equal(keys[..19].Order(StringComparer.Ordinal), found.Keys.Order(StringComparer.Ordinal));
        Assert.Equal(1 + 20, storage.Calls);
    }

    [Fact]
    public async Task Keys_that_cannot_be_are_not_there()
    {
        await PutAsync("a.jpg");
        var hostile = Enumerable.Range(0, 20).SelectMany(i => new[] { $"../{i}", $"a//{i}", $"/{i}" });
        Assert.Equal(["a.jpg"], (await ObjectSurvey.FindAsync(storage, [.. hostile, "a.jpg"], Cancel)).Keys);
    }

    private async Task PutAsync(params string[] keys)
    {
        foreach (var key in keys)
        {
            await using var body = new BufferBody(new byte[] { 1 }, Crc32.Append(0, [1]));
            await objects.PutAsync(key, body, 1, "image/jpeg", Cancel);
        }
    }
}

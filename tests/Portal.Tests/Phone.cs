using Testing;

namespace Portal.Tests;

/// <summary>Files of a guest, on a disk: the browser knows them again by their time of change too.</summary>
internal sealed class Phone : IAsyncDisposable
{
    private readonly DirectoryInfo folder = Directory.CreateTempSubdirectory("phone-");

    public async ValueTask DisposeAsync() => await TemporaryFolder.DeleteAsync(folder.FullName);

    internal string PathOf(string name) => Path.Combine(folder.FullName, name);

    /// <returns>The paths of <c>IMG_5001.jpg</c> and so on.</returns>
    internal string[] Photos(int count) => [.. Enumerable.Range(1, count).Select(Photo)];

    internal string Film(string name, long sizeBytes)
    {
        using var film = File.Create(PathOf(name));
        film.Write([0, 0, 0, 24, .. "ftypmp42"u8]);
        film.SetLength(sizeBytes);
        return film.Name;
    }

    private string Photo(int number)
    {
        var bytes = new byte[40_000 + number];
        Random.Shared.NextBytes(bytes);
        new byte[] { 0xFF, 0xD8, 0xFF, 0xE0 }.CopyTo(bytes, 0); // how a JPEG begins
        var path = PathOf($"IMG_{5000 + number}.jpg");
        File.WriteAllBytes(path, bytes);
        return path;
    }
}

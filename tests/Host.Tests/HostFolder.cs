using Testing;

namespace Host.Tests;

/// <summary>What a host keeps: a database, and a folder with its store and its mails. Both go when it is disposed.</summary>
internal sealed class HostFolder : IAsyncDisposable
{
    private readonly DirectoryInfo folder = Directory.CreateTempSubdirectory("host-");
    private readonly TestDatabase database;

    private HostFolder(TestDatabase database)
    {
        this.database = database;
        Settings = new()
        {
            ["ConnectionStrings__Postgres"] = database.ConnectionString,
            ["Storage__Folder"] = PathOf("storage"),
            ["Mail__Folder"] = PathOf("mail"),
        };
    }

    internal string ConnectionString => database.ConnectionString;

    /// <summary>With which hosts are started on it. A test may add to them.</summary>
    internal Dictionary<string, string> Settings { get; }

    internal static async Task<HostFolder> CreateAsync() => new(await TestPostgres.CreateDatabaseAsync());

    internal string PathOf(params string[] names) => Path.Combine([folder.FullName, .. names]);

    public async ValueTask DisposeAsync()
    {
        await database.DisposeAsync();
        await TemporaryFolder.DeleteAsync(folder.FullName);
    }
}

using Platform.Storage;

namespace Testing;

/// <summary>A folder store in a run of its machine that the test names: under another name, the machine has failed and started again.</summary>
public static class BootedFolder
{
    public static FolderObjectStorage Open(string folder, string bootId) => new(folder, TimeProvider.System, bootId);
}

namespace Testing;

/// <summary>What a test kept in a folder goes with it.</summary>
public static class TemporaryFolder
{
    private const int MostAttempts = 300;

    /// <summary>Deletes a folder and all that is in it, for up to half a minute: processes that were just ended may write into it for a moment more.</summary>
    public static async Task DeleteAsync(string folder)
    {
        for (var attempt = 1; Directory.Exists(folder); attempt++)
        {
            try
            {
                Directory.Delete(folder, recursive: true);
            }
            catch (IOException) when (attempt < MostAttempts)
            {
                await Task.Delay(100);
            }
        }
    }
}

using System.Globalization;

namespace Platform.Costs;

/// <summary>Costs as CSV (RFC 4180): a line for each day and account, amounts with all their digits.</summary>
internal static class CostCsv
{
    private const string Header =
        "day,module,weddingId,site,albumId,classAOperations,classBOperations,freeOperations,bytesIn,bytesOut,cpuMicroseconds,storedBytes,"
        + "operationsUsd,egressUsd,processorsUsd,storageUsd,fixedUsd,totalUsd";

    internal static async Task WriteAsync(TextWriter writer, IAsyncEnumerable<CostRow> rows)
    {
        await writer.WriteLineAsync(Header);
        await foreach (var (day, account, usage, cost) in rows)
        {
            await writer.WriteLineAsync(string.Create(
                CultureInfo.InvariantCulture,
                $"{day:yyyy-MM-dd},{Text(account.Module)},{Text(account.WeddingId)},{Text(account.Site)},{account.AlbumId},"
                + $"{usage.ClassAOperations},{usage.ClassBOperations},{usage.FreeOperations},{usage.BytesIn},{usage.BytesOut},{usage.CpuMicroseconds},{usage.StoredBytes},"
                + $"{cost.OperationsUsd},{cost.EgressUsd},{cost.ProcessorsUsd},{cost.StorageUsd},{cost.FixedUsd},{cost.TotalUsd}"));
        }
    }

    // Programs that open such files take what begins like a formula for one.
    private static string Text(string? text)
    {
        if (text is not { Length: > 0 })
        {
            return "";
        }

        var harmless = text[0] is '=' or '+' or '-' or '@' ? "'" + text : text;
        return harmless.IndexOfAny([',', '"', '\r', '\n']) < 0 ? harmless : $"\"{harmless.Replace("\"", "\"\"", StringComparison.Ordinal)}\"";
    }
}

"""Brings a text into one plain form (width, case, blanks, repeats, traditional characters) for the models to read."""

from __future__ import annotations

import re
import unicodedata

#: A text longer than this is read at both ends only: what a customer wants stands at the beginning or at the end.
LONGEST = 600
_INVISIBLE = re.compile(
    "[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u00ad\u180e\u200b-\u200f\u2028-\u202e\u2060-\u2064\ufe00-\ufe0f\ufeff\ud800-\udfff]"
)
_BLANKS = re.compile(r"\s+")
_REPEATS = re.compile(r"(.)\1{2,}", re.DOTALL)

#: Frequent traditional characters, each with its simplified form.
_PAIRS = (
    "這这 個个 們们 來来 時时 間间 問问 題题 還还 沒没 說说 話话 對对 嗎吗 麼么 為为 會会 後后 裡里 裏里 從从 "
    "兩两 請请 謝谢 訂订 單单 貨货 發发 運运 費费 買买 賣卖 錢钱 價价 優优 換换 壞坏 無无 線线 電电 視视 機机 "
    "號号 碼码 頁页 網网 絡络 開开 關关 門门 點点 擊击 選选 擇择 確确 認认 證证 據据 條条 員员 積积 級级 帳账 "
    "賬账 戶户 錄录 註注 冊册 驗验 簡简 訊讯 郵邮 達达 遲迟 氣气 憤愤 滿满 態态 務务 專专 業业 經经 濟济 實实 "
    "體体 顏颜 長长 寬宽 輕轻 質质 與与 樣样 試试 過过 書书 幾几 歲岁 歡欢 樂乐 愛爱 難难 聽听 聞闻 見见 現现 "
    "場场 車车 輛辆 飛飞 隻只 雙双 雞鸡 魚鱼 鳥鸟 東东 馬马 龍龙 園园 圖图 團团 國国 際际 華华 漢汉 語语 學学 "
    "習习 讓让 應应 該该 當当 總总 結结 論论 終终 於于 續续 繼继 維维 護护 復复 雜杂 誌志 記记 連连 觸触 標标 "
    "準准 備备 釋释 設设 計计 劃划 畫画 報报 導导 師师 醫医 藥药 療疗 養养 財财 產产 權权 責责 廠厂 廣广 庫库 "
    "檔档 項项 聯联 繫系 係系 統统 數数 類类 別别 處处 動动 勢势 勞劳 歷历 歸归 鑰钥 離离 職职 區区 縣县 鄉乡 "
    "鎮镇 雲云 陽阳 陰阴 風风 險险 評评 測测 樓楼 層层 內内 徑径 頭头 髮发 臉脸 龐庞 腦脑 筆笔 紙纸 張张 燈灯 "
    "燒烧 熱热 涼凉 凍冻 鹽盐 湯汤 麵面 飯饭 館馆 餅饼 餓饿 飽饱 鮮鲜 嚴严 肅肃 贈赠 禮礼 裝装 載载 減减 額额 "
    "罰罚 則则 舊旧 約约 莊庄 豐丰 營营 銷销 獎奖 勵励 補补 償偿 賠赔 轉转 匯汇 繳缴 納纳 稅税 靜静 聲声 響响 "
    "嚮向 構构 築筑 強强 彈弹 縮缩 鬆松 緊紧 鬧闹 鐘钟 錶表 鏡镜 盤盘 磚砖 牆墙 樹树 葉叶 蘭兰 薦荐 啟启 閉闭 "
    "屬属 屆届 週周 歐欧 亞亚 韓韩 劇剧 戲戏 遊游 覽览 參参 觀观 賽赛 隊队 傷伤 殘残 壽寿 緣缘 純纯 綠绿 紅红 "
    "藍蓝 黃黄 褲裤 襪袜 帶带 縫缝 織织 細细 節节 譜谱 寫写 寶宝 貝贝 貴贵 賤贱 貸贷 貼贴 負负 債债 異异 議议 "
    "憶忆 億亿 萬万 誰谁 邊边 趕赶 遠远 進进 適适 遞递 遺遗 鄰邻 鄭郑 醜丑 針针 釣钓 鈴铃 錯错 鍵键 鎖锁 鏈链 "
    "閱阅 闊阔 陸陆 隨随 雖虽 預预 須须 頓顿 頗颇 領领 願愿 顧顾 顯显 驚惊 髒脏 魯鲁 鮑鲍 麗丽 齊齐 齒齿 龜龟 "
    "乾干 淨净 幹干 檢检 詢询 複复 製制 傳传 輸输 螢萤 軟软 資资 給给 絕绝 術术 衛卫 親亲 討讨 許许 訴诉 詞词 "
    "誤误 誠诚 調调 謊谎 譯译 變变 貓猫 賓宾 購购 輪轮 農农 違违 釘钉 銀银 鋪铺 鐵铁 閒闲 隱隐 靈灵 順顺 飲饮 "
    "騙骗 騰腾 驅驱 鬥斗 齡龄 妳你 衹只 祇只 著着 僅仅 儘尽 兒儿 凈净 剛刚 劑剂 勝胜 協协 卻却 吳吴 喚唤 喪丧 "
    "嘗尝 嚇吓 壓压 夠够 夥伙 奪夺 媽妈 嬰婴 孫孙 寧宁 審审 將将 尋寻 屢屡 帥帅 幣币 幫帮 併并 並并 廢废 彙汇 "
    "徵征 恆恒 惡恶 惱恼 慮虑 慘惨 慣惯 憂忧 憑凭 懷怀 懶懒 戰战 拋抛 捨舍 掃扫 掛挂 採采 損损 搖摇 搶抢 擔担 "
    "擾扰 斷断 暫暂 曆历 極极 楊杨 橋桥 欄栏 殺杀 毀毁 決决 況况 濕湿 滯滞 潔洁 濃浓 災灾 煩烦 爭争 牽牵 狀状 "
    "獨独 獲获 瑪玛 畢毕 瘋疯 盡尽 監监 礎础 稱称 穩稳 竊窃 簽签 糾纠 紛纷 組组 絲丝 緩缓 編编 練练 縱纵 罵骂 "
    "羅罗 聰聪 膠胶 臨临 舉举 艙舱 蓋盖 薩萨 蘋苹 虛虚 蟲虫 訪访 診诊 詐诈 詳详 誇夸 諮咨 諾诺 謹谨 譽誉 豈岂 "
    "貪贪 賀贺 賴赖 贏赢 趙赵 跡迹 踐践 軌轨 辦办 辭辞 迴回 遷迁 醬酱 鈔钞 鉛铅 銘铭 鋼钢 鍋锅 閃闪 閥阀 陳陈 "
    "陣阵 頻频 顆颗 飄飘 餘余 駕驾 騎骑 驟骤 鬱郁 鹼碱 麥麦 黨党 滅灭 闆板 麽么 沖冲 溝沟 綫线 諒谅 誒诶 籤签 "
    "劉刘 馮冯 蔣蒋 鄧邓 譚谭 鍾钟 薑姜 鄒邹"
)
_SIMPLER = {ord(pair[0]): pair[1] for pair in _PAIRS.split()}


def fold(text: str) -> str:
    """`text` in its plain form: NFKC, lower, simplified, single blanks, nothing invisible, repeats cut to two.

    At most `LONGEST` characters are kept, half from each end.
    """
    if len(text) > LONGEST:
        text = text[: LONGEST // 2] + " " + text[-LONGEST // 2 :]
    plain = unicodedata.normalize("NFKC", _INVISIBLE.sub("", text)).lower().translate(_SIMPLER)
    return _REPEATS.sub(r"\1\1", _BLANKS.sub(" ", plain).strip())[:LONGEST]
